"""Benchmarks: scripts of their own, and the entries of `python -m benchmarks`."""
