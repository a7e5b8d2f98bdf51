"""Source codecs, and the files and decoded images that they make of images."""
