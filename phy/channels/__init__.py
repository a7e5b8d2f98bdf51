"""Flat channels: fading laws, and what goes over them."""
