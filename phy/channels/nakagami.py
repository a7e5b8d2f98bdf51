"""Nakagami-m fading, of any m from one half."""

from __future__ import annotations

from typing import Any, final

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import gammainccinv, gammaincinv
from torch import Tensor

from phy.channel import Channel, scale
from phy.channels.diffuse import BANDWIDTH_HZ, INTERVAL_S, DiffuseComponent
from phy.channels.parameters import checked
from phy.streams import Streams

#: Points of the table; linear between them, the envelope is right to one part in a million.
POINTS = 8192


@final
class Nakagami(Channel):
    """|h|^2 ~ Gamma(m, 1 / m) and a uniform phase: m = 1 is Rayleigh, m = 1/2 a one-sided Gaussian.

    h is diffuse g ~ CN(0, 1) whose envelope is stretched: |h| = F_m^-1(F_1(|g|)), with F_m the
    distribution of the envelope. So the envelope has exactly the rank correlation over time of
    g's, and h keeps g's phase (a Gaussian copula). For Jakes fading that is a choice, as Nakagami's
    law says nothing of time: levels are crossed as often as the Rayleigh level of the same
    probability.

    Source: Nakagami, "The m-distribution", 1960. The transform: Beaulieu and Cheng, "Efficient
    Nakagami-m fading channel simulation", IEEE Trans. Veh. Technol. 54(2), 2005; here by the
    exact quantile function instead of an approximation.

    Args:
        m: From 0.5 to 1000; (E|h|^2)^2 / Var|h|^2.
        fading: "fast", "block" or "jakes".
        speed_mps: For "jakes", as all that follows: `phy.channels.diffuse.DiffuseComponent`.
        carrier_hz: Carrier frequency.
        bandwidth_hz: W; a channel use takes 1 / W.
        interval_s: From the start of one transmission to that of the next.

    Raises:
        ValueError: When m is out of range, the fading is unknown, or a number of the motion is
            not allowed.
    """

    def __init__(
        self,
        m: float = 2.0,
        fading: str = "fast",
        speed_mps: float | None = None,
        carrier_hz: float | None = None,
        bandwidth_hz: float = BANDWIDTH_HZ,
        interval_s: float = INTERVAL_S,
    ) -> None:
        self.m = checked("nakagami", "m", m, lambda m: 0.5 <= m <= 1000, "from 0.5 to 1000")
        self.fading = fading
        self.diffuse = DiffuseComponent(
            "nakagami", fading, speed_mps, carrier_hz, bandwidth_hz, interval_s
        )
        self._log_power, self._log_stretch = _stretch(self.m)

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """h [batch, uses], for block fading [batch, 1]."""
        g, state = self.diffuse.draw(streams, uses, state)
        power = (g.real.square() + g.imag.square()).double().cpu().numpy()
        log_power = np.log(np.maximum(power, np.exp(self._log_power[0])))
        stretch = np.exp(np.interp(log_power, self._log_power, self._log_stretch))
        return scale(g, torch.from_numpy(stretch.astype(np.float32)).to(g.device)), state


def _stretch(m: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """ln |g|^2 on a grid, and ln (|h| / |g|) there."""
    power = np.logspace(-16, 2, POINTS)
    lower = gammaincinv(m, -np.expm1(-power))  # by the distribution function,
    upper = gammainccinv(m, np.exp(-power))  # by its complement where that is the smaller
    stretched = np.where(power < np.log(2), lower, upper) / m
    return np.log(power), 0.5 * np.log(stretched / power)
