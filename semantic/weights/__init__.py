"""Weights files: what they hold, where they lie, how they are stored."""
