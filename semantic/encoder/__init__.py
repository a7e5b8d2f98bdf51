"""The semantic encoder: image -> feature vector s."""
