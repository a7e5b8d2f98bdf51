"""The parts of semharq-plus."""
