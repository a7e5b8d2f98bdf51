"""A run made ready: parts opened from a RunSpec, nothing simulated yet."""
