"""Nakagami-m fading for any m >= 1/2."""

from __future__ import annotations

from typing import Annotated, Any, final

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Complex
from scipy.special import gammainc, gammainccinv, gammaincinv
from torch import Tensor

from phy.channel import Channel, scale
from phy.channels.diffuse import BANDWIDTH_HZ, FADING, INTERVAL_S, DiffuseComponent
from phy.channels.parameters import BANDWIDTH, CARRIER, INTERVAL, SPEED, Domain, checked
from phy.streams import Streams

SHAPE = Domain(0.5, 1000)

#: Points of the table; linear interpolation gives the envelope to one part in a million.
POINTS = 8192


@final
class Nakagami(Channel):
    """Nakagami-m fading: |h|^2 ~ Gamma(m, 1 / m) with a uniform phase.

    m = 1 is Rayleigh fading; for m = 1/2 the envelope is a one-sided Gaussian.

    The diffuse component g ~ CN(0, 1) is transformed by |h| = F_m^-1(F_1(|g|)), where F_m is the
    distribution function of the envelope; the phase of g stays (a Gaussian copula). So the envelope
    has exactly the rank correlation over time of |g|. For Jakes fading this is a choice, because
    Nakagami's law does not define correlation over time: a level is crossed as often as the
    Rayleigh level of the same probability.

    Source: Nakagami, "The m-distribution", 1960. Transform: Beaulieu and Cheng, "Efficient
    Nakagami-m fading channel simulation", IEEE Trans. Veh. Technol. 54(2), 2005, here with the
    exact quantile function instead of an approximation.

    Args:
        m: Shape parameter (E|h|^2)^2 / Var|h|^2, from 0.5 to 1000.
        fading: "fast" for one gain per channel use, "block" for one per transmission, or "jakes".
        speed_mps: Speed in meters per second, for "jakes" alone; 10 m/s when None.
        carrier_hz: Carrier frequency in hertz, for "jakes" alone; 5.9 GHz when None.
        bandwidth_hz: Bandwidth W in hertz, for "jakes"; a channel use takes 1 / W.
        interval_s: Time in seconds from the start of one transmission to the start of the next,
            for "jakes".

    Raises:
        ValueError: When m is out of range, the fading is unknown, or a parameter of the motion is
            not allowed.
    """

    def __init__(
        self,
        m: Annotated[float, SHAPE] = 2.0,
        fading: Annotated[str, FADING] = "fast",
        speed_mps: Annotated[float | None, SPEED] = None,
        carrier_hz: Annotated[float | None, CARRIER] = None,
        bandwidth_hz: Annotated[float, BANDWIDTH] = BANDWIDTH_HZ,
        interval_s: Annotated[float, INTERVAL] = INTERVAL_S,
    ) -> None:
        self.m = checked("nakagami", "m", m, SHAPE)
        self.fading = fading
        self.diffuse = DiffuseComponent(
            "nakagami", fading, speed_mps, carrier_hz, bandwidth_hz, interval_s
        )
        self._log_power, self._log_stretch = _stretch(self.m)

    def draw(
        self, streams: Streams, uses: int, state: Any
    ) -> tuple[Complex[Tensor, "batch uses"], Any]:
        """Draws h, [batch, uses] or for block fading [batch, 1]; see `Channel.draw`."""
        g, state = self.diffuse.draw(streams, uses, state)
        power = (g.real.square() + g.imag.square()).double().cpu().numpy()
        log_power = np.log(np.maximum(power, np.exp(self._log_power[0])))
        stretch = np.exp(np.interp(log_power, self._log_power, self._log_stretch))
        return scale(g, torch.from_numpy(stretch.astype(np.float32)).to(g.device)), state

    def gain_cdf(self, power: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Returns P(|h|^2 <= power), the regularized incomplete gamma function P(m, m power).

        >>> Nakagami(m=1.0).gain_cdf(np.array([0.5, 1.0])).round(4)
        array([0.3935, 0.6321])
        """
        cdf: npt.NDArray[np.float64] = gammainc(self.m, self.m * power)
        return cdf


def _stretch(m: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Returns ln |g|^2 on a grid, and ln (|h| / |g|) at its points."""
    power = np.logspace(-16, 2, POINTS)
    lower = gammaincinv(m, -np.expm1(-power))  # from the distribution function,
    upper = gammainccinv(m, np.exp(-power))  # from its complement where that is smaller
    stretched = np.where(power < np.log(2), lower, upper) / m
    return np.log(power), 0.5 * np.log(stretched / power)
