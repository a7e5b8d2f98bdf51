"""The semantic encoder: image to feature vector s."""
