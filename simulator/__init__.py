"""The slots, the budget, the link, the sweep and the command line."""
