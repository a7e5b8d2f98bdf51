"""Source codecs, and the files and decoded pictures that they make of images."""
