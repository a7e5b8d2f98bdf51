"""A sweep over SNRs and seeds: its cells, who computes them, where they lie, how they come together."""
