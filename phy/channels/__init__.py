"""Flat channels: fading laws, and channels that wrap another channel."""
