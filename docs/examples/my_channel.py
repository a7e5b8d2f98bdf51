"""Correlated block fading: one Rayleigh gain per transmission, correlated with the previous one."""

from phy.channel import Channel


class SlowRayleigh(Channel):
    def __init__(self, correlation=0.9):
        if not 0 <= correlation <= 1:
            raise ValueError(f"channel SlowRayleigh: correlation {correlation} is not in [0, 1]")
        self.correlation = correlation

    def draw(self, streams, uses, state):
        h = streams.complex_normal(1)  # CN(0, 1), one gain per image
        if state is not None:  # None in the first transmission of an image
            h = self.correlation * state + (1 - self.correlation**2) ** 0.5 * h
        return h, h  # the gains of this transmission, and the state for the next one
