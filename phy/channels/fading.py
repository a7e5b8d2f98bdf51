"""Flat channels: AWGN, Rayleigh and Rician."""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor

from phy.channel import Channel
from phy.channels.diffuse import BANDWIDTH_HZ, INTERVAL_S, DiffuseComponent
from phy.channels.parameters import checked
from phy.streams import Streams


@final
class Awgn(Channel):
    """No fading: h = 1."""

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """h = 1, shape [batch, 1]."""
        return torch.ones(len(streams), 1, dtype=torch.complex64, device=streams.device), None


@final
class Rician(Channel):
    """h ~ CN(sqrt(K / (K + 1)), 1 / (K + 1)): a line of sight and diffuse, E|h|^2 = 1.

    With Jakes fading the line of sight stays where it is: the receiver's frequency correction has
    taken its Doppler shift out. The autocorrelation is (K + J0(2 pi f_d tau)) / (K + 1).

    Source: SemHARQ section II-A (r = 2). SMSC-FIR prints a mean of sqrt(r) / (r + 1), whose
    E|h|^2 is 5/9; taken as a misprint.

    Args:
        k_factor: K >= 0, the power of the line of sight over that of the diffuse (linear).
        fading: "fast", a gain for every channel use, "block", one for every slot, or "jakes".
        speed_mps: For "jakes", as all that follows: `phy.channels.diffuse.DiffuseComponent`.
        carrier_hz: Carrier frequency.
        bandwidth_hz: W; a channel use takes 1 / W.
        interval_s: From the start of one transmission to that of the next.

    Raises:
        ValueError: When K is negative or not finite, the fading is unknown, or a number of the
            motion is not allowed.
    """

    def __init__(
        self,
        k_factor: float = 2.0,
        fading: str = "fast",
        speed_mps: float | None = None,
        carrier_hz: float | None = None,
        bandwidth_hz: float = BANDWIDTH_HZ,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.k_factor = checked("rician", "k_factor", k_factor, lambda k: k >= 0, ">= 0")
        self.fading = fading
        self.diffuse = DiffuseComponent(
            "rician", fading, speed_mps, carrier_hz, bandwidth_hz, interval_s
        )

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """h [batch, uses], for block fading [batch, 1]."""
        g, state = self.diffuse.draw(streams, uses, state)
        line_of_sight = math.sqrt(self.k_factor / (self.k_factor + 1))
        return line_of_sight + g * math.sqrt(1 / (self.k_factor + 1)), state


@final
class Rayleigh(Channel):
    """h ~ CN(0, 1): diffuse alone.

    Args:
        fading: "fast", "block" or "jakes".
        speed_mps: For "jakes", as all that follows: `phy.channels.diffuse.DiffuseComponent`.
        carrier_hz: Carrier frequency.
        bandwidth_hz: W; a channel use takes 1 / W.
        interval_s: From the start of one transmission to that of the next.

    Raises:
        ValueError: When the fading is unknown or a number of the motion is not allowed.
    """

    def __init__(
        self,
        fading: str = "fast",
        speed_mps: float | None = None,
        carrier_hz: float | None = None,
        bandwidth_hz: float = BANDWIDTH_HZ,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.fading = fading
        self.diffuse = DiffuseComponent(
            "rayleigh", fading, speed_mps, carrier_hz, bandwidth_hz, interval_s
        )

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """h [batch, uses], for block fading [batch, 1]."""
        return self.diffuse.draw(streams, uses, state)
