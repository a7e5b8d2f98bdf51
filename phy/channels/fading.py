"""Flat channels: AWGN, Rayleigh and Rician."""

from __future__ import annotations

import math
from typing import Annotated, Any, final

import numpy as np
import torch
from jaxtyping import Complex
from numpy.typing import NDArray
from scipy.special import chndtr
from torch import Tensor

from phy.channel import Channel
from phy.channels.diffuse import BANDWIDTH_HZ, FADING, INTERVAL_S, DiffuseComponent
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

K_FACTOR = Domain(0, 1e12)
POWERS = Domain(choices=("unit", "printed"))


@final
class Awgn(Channel):
    """The additive white Gaussian noise channel, h = 1."""

    def draw(
        self, streams: Streams, uses: int, state: Any
    ) -> tuple[Complex[Tensor, "batch 1"], Any]:
        """Returns h = 1, [batch, 1]; see `Channel.draw`.

        >>> import numpy as np
        >>> from phy.streams import Streams
        >>> Awgn().draw(Streams(0, "example", np.arange(1)), 5, None)[0]
        tensor([[1.+0.j]])
        """
        return torch.ones(len(streams), 1, dtype=torch.complex64, device=streams.device), None

    def gain_cdf(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns P(|h|^2 <= power): a step at 1.

        >>> Awgn().gain_cdf(np.array([0.5, 1.0, 2.0]))
        array([0., 1., 1.])
        """
        return (power >= 1).astype(np.float64)


@final
class Rician(Channel):
    """Rician fading, h ~ CN(sqrt(K / (K + 1)), 1 / (K + 1)): line of sight and diffuse component.

    With Jakes fading the line of sight has no Doppler shift: the frequency correction of the
    receiver has removed it. The autocorrelation is (K + J0(2 pi f_d tau)) / (K + 1).

    Source: SemHARQ section II-A (r = 2). SMSC-FIR prints a mean of sqrt(r) / (r + 1), for which
    E|h|^2 is 5/9 with r = 2; this is taken as a misprint, and is the law with power="printed".

    Args:
        k_factor: Rician factor K >= 0, the power of the line of sight over that of the diffuse
            component (linear).
        fading: "fast" for one gain per channel use, "block" for one per transmission, or "jakes".
        speed_mps: Speed in meters per second, for "jakes" alone; 10 m/s when None.
        carrier_hz: Carrier frequency in hertz, for "jakes" alone; 5.9 GHz when None.
        bandwidth_hz: Bandwidth W in hertz, for "jakes"; a channel use takes 1 / W.
        interval_s: Time in seconds from the start of one transmission to the start of the next,
            for "jakes".
        power: "unit" for E|h|^2 = 1, or "printed" for a line of sight of sqrt(K) / (K + 1), as
            SMSC-FIR prints it: E|h|^2 = (2 K + 1) / (K + 1)^2.

    Raises:
        ValueError: When K is negative or not finite, the fading is unknown, or a parameter of the
            motion is not allowed.
    """

    def __init__(
        self,
        k_factor: Annotated[float, K_FACTOR] = 2.0,
        fading: Annotated[str, FADING] = "fast",
        speed_mps: Annotated[float | None, SPEED] = None,
        carrier_hz: Annotated[float | None, CARRIER] = None,
        bandwidth_hz: Annotated[float, BANDWIDTH] = BANDWIDTH_HZ,
        interval_s: Annotated[float, INTERVAL] = INTERVAL_S,
        power: Annotated[str, POWERS] = "unit",
    ) -> None:
        self.k_factor = checked("rician", "k_factor", k_factor, K_FACTOR)
        checked_word("rician", "power", power, POWERS)
        self.fading, self.power = fading, power
        if power == "printed":
            self.average_gain = (2 * self.k_factor + 1) / (self.k_factor + 1) ** 2
        self.diffuse = DiffuseComponent(
            "rician", fading, speed_mps, carrier_hz, bandwidth_hz, interval_s
        )

    def draw(
        self, streams: Streams, uses: int, state: Any
    ) -> tuple[Complex[Tensor, "batch uses"], Any]:
        """Draws h, [batch, uses] or for block fading [batch, 1]; see `Channel.draw`."""
        g, state = self.diffuse.draw(streams, uses, state)
        return self.line_of_sight + g * math.sqrt(1 / (self.k_factor + 1)), state

    @property
    def line_of_sight(self) -> float:
        """Mean of h.

        >>> round(Rician(2.0).line_of_sight ** 2, 6), round(Rician(2.0, power="printed").average_gain, 6)
        (0.666667, 0.555556)
        """
        if self.power == "printed":
            return math.sqrt(self.k_factor) / (self.k_factor + 1)
        return math.sqrt(self.k_factor / (self.k_factor + 1))

    def gain_cdf(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns P(|h|^2 <= power): 2 (K + 1) |h|^2 is noncentral chi-square, of 2 degrees.

        >>> Rician(k_factor=0.0).gain_cdf(np.array([0.5, 1.0])).round(4)
        array([0.3935, 0.6321])
        """
        K = self.k_factor
        center = 2 * K / (K + 1) if self.power == "printed" else 2 * K
        cdf: NDArray[np.float64] = chndtr(2 * (K + 1) * power, 2, center)
        return cdf


@final
class Rayleigh(Channel):
    """Rayleigh fading, h ~ CN(0, 1): the diffuse component alone.

    Args:
        fading: "fast" for one gain per channel use, "block" for one per transmission, or "jakes".
        speed_mps: Speed in meters per second, for "jakes" alone; 10 m/s when None.
        carrier_hz: Carrier frequency in hertz, for "jakes" alone; 5.9 GHz when None.
        bandwidth_hz: Bandwidth W in hertz, for "jakes"; a channel use takes 1 / W.
        interval_s: Time in seconds from the start of one transmission to the start of the next,
            for "jakes".

    Raises:
        ValueError: When the fading is unknown or a parameter of the motion is not allowed.
    """

    def __init__(
        self,
        fading: Annotated[str, FADING] = "fast",
        speed_mps: Annotated[float | None, SPEED] = None,
        carrier_hz: Annotated[float | None, CARRIER] = None,
        bandwidth_hz: Annotated[float, BANDWIDTH] = BANDWIDTH_HZ,
        interval_s: Annotated[float, INTERVAL] = INTERVAL_S,
    ) -> None:
        self.fading = fading
        self.diffuse = DiffuseComponent(
            "rayleigh", fading, speed_mps, carrier_hz, bandwidth_hz, interval_s
        )

    def draw(
        self, streams: Streams, uses: int, state: Any
    ) -> tuple[Complex[Tensor, "batch uses"], Any]:
        """Draws h, [batch, uses] or for block fading [batch, 1]; see `Channel.draw`."""
        return self.diffuse.draw(streams, uses, state)

    def gain_cdf(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns P(|h|^2 <= power) = 1 - exp(-power).

        >>> Rayleigh().gain_cdf(np.array([0.5, 1.0])).round(4)
        array([0.3935, 0.6321])
        """
        return -np.expm1(-power)
