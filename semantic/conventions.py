"""Sizes and labels on which all parts agree."""

#: N, the length of the semantic feature vector s.
SEMANTIC_FEATURES = 1024
#: L, the length of the coded feature vector f.
CODED_FEATURES = 1024
#: Label of an image whose vehicle, color or type nobody gave; losses and accuracies mask it.
UNKNOWN = -1
