"""Source codecs, and the files and decoded images of a run."""
