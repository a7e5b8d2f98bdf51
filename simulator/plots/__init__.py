"""Figures of any runs: `simulate plot`."""
