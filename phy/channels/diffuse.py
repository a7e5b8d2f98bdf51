"""The diffuse component: the complex Gaussian process g from which fading laws are made."""

from __future__ import annotations

from typing import Any

from jaxtyping import Complex
from torch import Tensor

from phy.channels.jakes import Jakes
from phy.channels.parameters import (
    BANDWIDTH,
    CARRIER,
    INTERVAL,
    SPEED,
    Domain,
    checked,
    checked_word,
)
from phy.streams import Streams

#: How the gain varies over time.
FADINGS = ("fast", "block", "jakes")
FADING = Domain(choices=FADINGS)
#: Defaults: an urban vehicle, at a carrier frequency of vehicular communication.
SPEED_MPS, CARRIER_HZ = 10.0, 5.9e9
#: W and T of docs/model.md; a run passes its own values.
BANDWIDTH_HZ, INTERVAL_S = 20e6, 1e-3


class DiffuseComponent:
    """The diffuse component g ~ CN(0, 1) of a flat fading channel.

    Fading is "fast", independent from use to use; or "block", constant within a transmission and
    independent between transmissions; or "jakes", correlated over uses and transmissions as for a
    receiver that moves (`phy.channels.jakes.Jakes`).

    Args:
        channel: Name of the channel in messages.
        fading: One of `FADINGS`.
        speed_mps: Speed v >= 0 in meters per second, for "jakes" alone; 10 m/s when None.
        carrier_hz: Carrier frequency f_c in hertz, for "jakes" alone; 5.9 GHz when None.
        bandwidth_hz: Bandwidth W in hertz; a channel use takes 1 / W.
        interval_s: Time in seconds from the start of one transmission to the start of the next.

    Raises:
        ValueError: When a parameter is not allowed; one line with the channel and the value.
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
        checked_word(channel, "fading", fading, FADING)
        for name, value in (("speed_mps", speed_mps), ("carrier_hz", carrier_hz)):
            if value is not None and fading != "jakes":
                raise ValueError(
                    f"channel {channel}: {name} {value} is for fading jakes, not for {fading}"
                )
        speed_mps = SPEED_MPS if speed_mps is None else speed_mps
        self.fading = fading
        self.jakes = Jakes(
            checked(channel, "speed_mps", speed_mps, SPEED),
            checked(
                channel, "carrier_hz", CARRIER_HZ if carrier_hz is None else carrier_hz, CARRIER
            ),
            checked(channel, "bandwidth_hz", bandwidth_hz, BANDWIDTH),
            checked(channel, "interval_s", interval_s, INTERVAL),
        )

    def draw(
        self, streams: Streams, uses: int, state: Any
    ) -> tuple[Complex[Tensor, "batch uses"], Any]:
        """Draws g for one transmission.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: State from the previous transmission, None in the first.

        Returns:
            g [batch, uses], for block fading [batch, 1]; and the state for the next transmission.

        >>> import numpy as np
        >>> from phy.streams import Streams
        >>> block = DiffuseComponent("rayleigh", "block", None, None, 20e6, 1e-3)
        >>> block.draw(Streams(0, "example", np.arange(3)), 5, None)[0].shape
        torch.Size([3, 1])
        """
        if self.fading == "jakes":
            return self.jakes.draw(streams, uses, state)
        return streams.complex_normal(uses if self.fading == "fast" else 1), None
