"""The atlas of readings: evaluation of its trainings, the forest plot, and the mechanism."""
