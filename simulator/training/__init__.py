"""`simulate train`: training with the simulator's channel in the loop."""
