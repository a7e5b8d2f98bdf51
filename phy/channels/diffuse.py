"""Scattered waves: the complex Gaussian process g behind every fading law, over the uses."""

from __future__ import annotations

from typing import Any, Literal

from torch import Tensor

from phy.channels.jakes import Jakes
from phy.channels.parameters import checked, positive
from phy.streams import Streams

Fading = Literal["fast", "block", "jakes"]
FADINGS: tuple[Fading, ...] = ("fast", "block", "jakes")
#: A vehicle in a town, at the carrier of vehicular communication.
SPEED_MPS, CARRIER_HZ = 10.0, 5.9e9
#: W and T of docs/model.md; a run passes its own.
BANDWIDTH_HZ, INTERVAL_S = 20e6, 1e-3


class DiffuseComponent:
    """g ~ CN(0, 1): "fast", independent from use to use; "block", one for every slot; "jakes",
    correlated over uses and slots as of a receiver that moves (`phy.channels.jakes.Jakes`).

    Args:
        channel: Whose it is, for messages.
        fading: One of `FADINGS`.
        speed_mps: v >= 0, for "jakes" alone; 10 m/s unless given.
        carrier_hz: f_c, for "jakes" alone; 5.9 GHz unless given.
        bandwidth_hz: W; a channel use takes 1 / W.
        interval_s: From the start of one transmission to that of the next.

    Raises:
        ValueError: One line with what is not allowed.
    """

    def __init__(
        self,
        channel: str,
        fading: str,
        speed_mps: float | None,
        carrier_hz: float | None,
        bandwidth_hz: float,
        interval_s: float,
    ) -> None:
        if fading not in FADINGS:
            raise ValueError(
                f"channel {channel}: fading {fading!r} is not one of {', '.join(FADINGS)}"
            )
        for name, value in (("speed_mps", speed_mps), ("carrier_hz", carrier_hz)):
            if value is not None and fading != "jakes":
                raise ValueError(
                    f"channel {channel}: {name} {value} is for fading jakes, not for {fading}"
                )
        speed_mps = SPEED_MPS if speed_mps is None else speed_mps
        self.fading = fading
        self.jakes = Jakes(
            checked(channel, "speed_mps", speed_mps, lambda v: v >= 0, ">= 0"),
            positive(channel, "carrier_hz", CARRIER_HZ if carrier_hz is None else carrier_hz),
            positive(channel, "bandwidth_hz", bandwidth_hz),
            positive(channel, "interval_s", interval_s),
        )

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """g [batch, uses], for block fading [batch, 1]; and the state for the next slot."""
        if self.fading == "jakes":
            return self.jakes.draw(streams, uses, state)
        return streams.complex_normal(uses if self.fading == "fast" else 1), None
