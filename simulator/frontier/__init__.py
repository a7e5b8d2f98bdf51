"""The frontier: accuracy against the price in channel uses, over all schemes and their settings."""
