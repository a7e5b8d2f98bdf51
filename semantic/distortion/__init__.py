"""Feature distortion evaluation (FDE) and how it is trained."""
