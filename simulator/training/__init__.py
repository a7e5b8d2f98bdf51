"""`simulate train`: where training meets the channel."""
