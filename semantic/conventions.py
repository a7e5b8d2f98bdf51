"""Sizes and labels that all parts share."""

#: Length N of the semantic feature vector s.
SEMANTIC_FEATURES = 1024
#: Length L of the coded feature vector f.
CODED_FEATURES = 1024
#: Label of an image whose vehicle, color or type is not known; losses and accuracies mask it.
UNKNOWN = -1
