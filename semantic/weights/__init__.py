"""Weights files: their content, their place, their format."""
