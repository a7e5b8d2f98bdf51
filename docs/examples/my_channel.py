"""Fading that remembers: one gain per slot, correlated with that of the last slot."""

from phy.channel import Channel


class SlowRayleigh(Channel):
    def __init__(self, correlation=0.9):
        if not 0 <= correlation <= 1:
            raise ValueError(f"channel SlowRayleigh: correlation {correlation} is not in [0, 1]")
        self.correlation = correlation

    def draw(self, streams, uses, state):
        h = streams.complex_normal(1)  # CN(0, 1): a number for each image
        if state is not None:  # in every slot but the first
            h = self.correlation * state + (1 - self.correlation**2) ** 0.5 * h
        return h, h  # the fading of this slot, and what the next one shall know
