"""The entries of `python -m benchmarks`: each measures a part of the simulator and a reference."""
