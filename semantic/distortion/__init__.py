"""Feature distortion evaluation (FDE): the network, its training objective, the threshold."""
