"""Tapped delay lines TDL-A to TDL-E of 3GPP TR 38.901 clause 7.7.2, over OFDM."""

from __future__ import annotations

import math
from functools import partial
from typing import Annotated, final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import j0
from torch import Tensor

from phy.channel import Channel
from phy.channels.diffuse import BANDWIDTH_HZ, CARRIER_HZ, INTERVAL_S, SPEED_MPS
from phy.channels.parameters import BANDWIDTH, CARRIER, INTERVAL, SPEED
from phy.ofdm.link import (
    CSI_CHOICE,
    DELAY_SPREAD,
    PILOT_SPACING,
    PREFIX,
    SUBCARRIER_KHZ,
    SUBCARRIERS,
    mobile_channel,
)
from phy.ofdm.paths import PathModel
from phy.ofdm.tr38901 import delay_profile
from phy.streams import Streams

#: Sinusoids per tap, as in Sionna.
SINUSOIDS = 20
#: Doppler shift of the line of sight over the largest Doppler shift (TR 38.901 clause 7.7.2).
LINE_OF_SIGHT_DOPPLER = 0.7


@final
class TdlPaths(PathModel):
    """Taps with the Doppler spectrum of Clarke: 20 plane waves of equal power from all directions.

        a_n(t) = sqrt(p_n / M) sum_m exp(j (2 pi f_d t cos alpha_m + phi_m)),
        alpha_m = 2 pi (m + u_m - 1/2) / M,    u_m ~ U(0, 1), phi_m ~ U(0, 2 pi)

    The autocorrelation over images is p_n J0(2 pi f_d tau).

    Source: Xiao, Zheng and Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh and
    Rician fading channels", IEEE Trans. Wireless Commun. 5(12), 2006, in the form of Sionna.

    Args:
        model: "a" to "e".
        delay_spread_s: RMS delay spread in seconds, which scales the normalized delays.
        doppler_hz: Largest Doppler shift f_d in hertz.

    Raises:
        ValueError: When the model is unknown.
    """

    def __init__(self, model: str, delay_spread_s: float, doppler_hz: float) -> None:
        profile = delay_profile("tdl", model)
        self.line_of_sight = profile.line_of_sight
        self.delays_s = profile.delays * delay_spread_s
        self.powers = profile.powers
        self.doppler_hz = doppler_hz
        amplitude = np.tile(np.sqrt(profile.powers / SINUSOIDS), (SINUSOIDS, 1))
        if self.line_of_sight:  # one wave has all the power
            amplitude[:, 0] = 0
            amplitude[0, 0] = math.sqrt(profile.powers[0])
        self._amplitude = torch.from_numpy(amplitude.astype(np.float32))

    def draw(self, streams: Streams) -> Float[Tensor, "batch 3 rays taps"]:
        """Draws angles of arrival and phases of all waves; see `PathModel.draw`."""
        u, v = streams.uniform(2, *self._amplitude.shape).unbind(1)
        wave = torch.arange(SINUSOIDS, dtype=torch.float32, device=u.device)[:, None]
        doppler_hz = torch.cos((wave + u - 0.5) * (2 * math.pi / SINUSOIDS)) * self.doppler_hz
        if self.line_of_sight:
            doppler_hz[..., 0] = LINE_OF_SIGHT_DOPPLER * self.doppler_hz
        amplitude = self._amplitude.to(u.device).expand_as(u)
        phase = v * (2 * math.pi)
        gain = amplitude * torch.cos(phase), amplitude * torch.sin(phase)
        return torch.stack([*gain, doppler_hz], 1)

    def correlation(self, lag_s: NDArray[np.float64]) -> NDArray[np.complex128]:
        """Returns J0(2 pi f_d lag) for each tap; the line of sight rotates at 0.7 f_d.

        >>> TdlPaths("a", 1e-7, 100.0).correlation(np.array([0.0])).shape
        (1, 23)
        """
        turn = 2 * np.pi * self.doppler_hz * np.asarray(lag_s)[..., None]
        taps = np.tile(j0(turn), len(self.powers)).astype(np.complex128)
        if self.line_of_sight:
            taps[..., 0] = np.exp(1j * LINE_OF_SIGHT_DOPPLER * turn[..., 0])
        return taps


def tdl(
    model: str,
    delay_spread_ns: Annotated[float, DELAY_SPREAD] = 100.0,
    speed_mps: Annotated[float, SPEED] = SPEED_MPS,
    carrier_hz: Annotated[float, CARRIER] = CARRIER_HZ,
    bandwidth_hz: Annotated[float, BANDWIDTH] = BANDWIDTH_HZ,
    subcarriers: Annotated[int | None, SUBCARRIERS] = None,
    subcarrier_khz: Annotated[float, SUBCARRIER_KHZ] = 15.0,
    cyclic_prefix: Annotated[str, PREFIX] = "normal",
    csi: Annotated[str, CSI_CHOICE] = "perfect",
    pilot_spacing: Annotated[int, PILOT_SPACING] = 12,
    interval_s: Annotated[float, INTERVAL] = INTERVAL_S,
) -> Channel:
    """Builds a tapped delay line over an OFDM grid.

    Args:
        model: "a", "b", "c" (no line of sight), "d" or "e" (line of sight).
        delay_spread_ns: RMS delay spread in nanoseconds.
        speed_mps: Speed of the mobile terminal in meters per second.
        carrier_hz: Carrier frequency in hertz.
        bandwidth_hz: Bandwidth W in hertz.
        subcarriers: Number of subcarriers; None for the resource blocks that fill 90 % of W.
        subcarrier_khz: Subcarrier spacing in kilohertz.
        cyclic_prefix: "normal" or "extended".
        csi: Channel knowledge of the receiver: "perfect", or an estimate from pilots by "ls" or
            "lmmse".
        pilot_spacing: Subcarriers from one pilot to the next; unused with perfect CSI.
        interval_s: Time in seconds from the start of one transmission to the start of the next.

    Returns:
        The channel.

    Raises:
        ValueError: When a parameter is not allowed; one line with the channel and the value.

    >>> tdl("c", csi="ls").pilot_uses(100)
    11
    """
    return mobile_channel(
        f"tdl-{model}", partial(TdlPaths, model), delay_spread_ns, speed_mps, carrier_hz, bandwidth_hz,
        subcarriers, subcarrier_khz, cyclic_prefix, csi, pilot_spacing, interval_s,
    )  # fmt: skip


tdl_a, tdl_b, tdl_c, tdl_d, tdl_e = (partial(tdl, model) for model in "abcde")
