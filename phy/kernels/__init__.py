"""Compiled kernels, and the counter-based generator of random numbers."""
