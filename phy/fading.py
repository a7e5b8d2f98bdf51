"""Flat channels: AWGN, Rayleigh and Rician, with fast or block fading."""

from __future__ import annotations

import math
from typing import Literal, final

import torch
from torch import Tensor

from phy.channel import Channel
from phy.streams import Streams

Fading = Literal["fast", "block"]
FADINGS: tuple[Fading, ...] = ("fast", "block")


@final
class Awgn(Channel):
    """No fading: h = 1."""

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """h = 1, shape [batch, 1]."""
        return torch.ones(len(streams), 1, dtype=torch.complex64, device=streams.device), None


@final
class Rician(Channel):
    """h ~ CN(sqrt(K / (K + 1)), 1 / (K + 1)): a line of sight and scatter, E|h|^2 = 1.

    Source: SemHARQ section II-A (r = 2). SMSC-FIR prints a mean of sqrt(r) / (r + 1), whose
    E|h|^2 is 5/9; taken as a misprint.

    Args:
        k_factor: K >= 0, the power of the line of sight over that of the scatter (linear).
        fading: "fast", a gain for every channel use, or "block", one for every slot.

    Raises:
        ValueError: When K is negative or not finite, or the fading is unknown.
    """

    def __init__(self, k_factor: float = 2.0, fading: str = "fast") -> None:
        number = isinstance(k_factor, (int, float))
        if not (number and math.isfinite(k_factor) and k_factor >= 0):
            raise ValueError(f"channel rician: k_factor {k_factor} is not allowed, it must be >= 0")
        _check_fading("rician", fading)
        self.k_factor = float(k_factor)
        self.fading = fading

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """h [batch, uses] for fast fading, [batch, 1] for block fading."""
        scatter = streams.complex_normal(uses if self.fading == "fast" else 1)
        line_of_sight = math.sqrt(self.k_factor / (self.k_factor + 1))
        return line_of_sight + scatter * math.sqrt(1 / (self.k_factor + 1)), None


@final
class Rayleigh(Channel):
    """h ~ CN(0, 1): Rician without a line of sight.

    Args:
        fading: "fast" or "block".

    Raises:
        ValueError: When the fading is unknown.
    """

    def __init__(self, fading: str = "fast") -> None:
        _check_fading("rayleigh", fading)
        self._rician = Rician(0.0, fading)

    def draw(
        self, streams: Streams, uses: int, state: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """h [batch, uses] for fast fading, [batch, 1] for block fading."""
        return self._rician.draw(streams, uses, state)


def _check_fading(channel: str, fading: str) -> None:
    if fading not in FADINGS:
        raise ValueError(f"channel {channel}: fading {fading!r} is not one of {', '.join(FADINGS)}")
