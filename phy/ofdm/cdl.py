"""Clustered delay lines CDL-A to CDL-E of 3GPP TR 38.901 clause 7.7.1, over OFDM."""

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
from phy.channels.parameters import BANDWIDTH, CARRIER, INTERVAL, SPEED, Domain
from phy.ofdm.antenna import PATTERNS, Antenna
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
from phy.ofdm.tr38901 import DelayProfile, delay_profile
from phy.streams import Streams

PATTERN = Domain(choices=PATTERNS)
SLANT = Domain(-180, 180)

#: Offset angles of the 20 rays of a cluster in degrees, for a spread of 1 degree (table 7.5-3).
_HALF = (0.0447, 0.1413, 0.2492, 0.3715, 0.5129, 0.6797, 0.8844, 1.1481, 1.5195, 2.1551)
RAY_OFFSETS = np.array([sign * offset for offset in _HALF for sign in (1, -1)])
RAYS = len(RAY_OFFSETS)

_Floats = NDArray[np.float64]


@final
class CdlPaths(PathModel):
    """Clusters of 20 rays with angles of departure and arrival; the receiver moves.

        gain of a ray = sqrt(p_n / 20) F_rx(theta, phi)^T X F_tx(theta', phi')
        X = [[e^(j Phi_1), e^(j Phi_2) / sqrt(kappa)], [e^(j Phi_3) / sqrt(kappa), e^(j Phi_4)]]
        Doppler shift = f_d sin(theta) cos(phi - psi)

    Here kappa is the cross-polarization power ratio. For each image, the four angles of the rays
    are coupled at random within their cluster (step 8), and the phases Phi are uniform (step 10).
    The direction of travel psi is uniform in the horizontal plane. The phase of the line of sight
    is uniform too, because the tables do not give its length in wavelengths. Antennas change the
    powers of the clusters; dividing by `antenna_gain` restores the mean power of 1.

    Source: TR 38.901 clauses 7.5 (steps 8 to 11) and 7.7.1.

    Args:
        model: "a" to "e".
        tx: Antenna of the base station; its boresight is azimuth 0.
        rx: Antenna of the mobile terminal; its boresight is azimuth 180 degrees.
        delay_spread_s: RMS delay spread in seconds, which scales the normalized delays.
        doppler_hz: Largest Doppler shift f_d in hertz.

    Raises:
        ValueError: When the model is unknown.
    """

    def __init__(
        self, model: str, tx: Antenna, rx: Antenna, delay_spread_s: float, doppler_hz: float
    ) -> None:
        profile = delay_profile("cdl", model)
        self.line_of_sight = profile.line_of_sight
        self.doppler_hz = doppler_hz
        self.delays_s = profile.delays * delay_spread_s
        self._aoa, self._zoa = (ray_angles(profile, name) for name in ("aoa", "zoa"))
        self._f_tx = _fields(tx, profile, "zod", "aod", 0.0)
        self._f_rx = _fields(rx, profile, "zoa", "aoa", math.pi)
        self._coupling = np.array([[1.0, profile.xpr**-0.5], [profile.xpr**-0.5, 1.0]])
        self._arrival, gain = self._mean_powers(profile)
        self.antenna_gain = float(gain.sum())
        self.powers = gain / self.antenna_gain
        #: [taps] amplitude of a ray without the antennas.
        self._scale = np.sqrt(profile.powers / RAYS / self.antenna_gain)
        if self.line_of_sight:
            self._scale[0] *= math.sqrt(RAYS)

    def _mean_powers(self, profile: DelayProfile) -> tuple[_Floats, _Floats]:
        """Returns mean powers by zenith angle [taps, rays] and by tap [taps], over couplings."""
        departing = np.square(self._f_tx).mean((1, 2))  # [taps, 2]
        received = np.square(self._f_rx) @ np.square(self._coupling)  # [taps, zenith, azimuth, 2]
        arrival = np.einsum("nijb,nb->ni", received, departing) / RAYS
        gain = profile.powers * arrival.mean(1)
        if self.line_of_sight:
            gain[0] = profile.powers[0] * self._line_of_sight_field() ** 2
        return arrival, gain

    def _line_of_sight_field(self) -> float:
        """Returns F_rx^T diag(1, -1) F_tx of the specular path (equation 7.5-29)."""
        f_tx, f_rx = self._f_tx[0, 0, 0], self._f_rx[0, 0, 0]
        return float(f_rx[0] * f_tx[0] - f_rx[1] * f_tx[1])

    def draw(self, streams: Streams) -> Float[Tensor, "batch 3 rays taps"]:
        """Draws couplings, phases and directions of travel; see `PathModel.draw`."""
        taps = len(self.powers)
        u = streams.uniform(7 * RAYS * taps + 1)
        travel, u = u[:, 0, None, None], u[:, 1:].reshape(-1, 7, RAYS, taps)
        # Three random orders couple four angles: the azimuth of arrival keeps its order.
        zoa, zod, aod = (u[:, i].argsort(dim=1, stable=True) for i in range(3))
        aoa = torch.arange(RAYS, device=u.device)[:, None].expand_as(zoa)
        tap = torch.arange(taps, device=u.device)

        def at(table: _Floats, *index: Tensor) -> Tensor:
            return torch.from_numpy(table.astype(np.float32)).to(u.device)[(tap, *index)]

        f_tx, f_rx = at(self._f_tx, zod, aod), at(self._f_rx, zoa, aoa)
        phase = u[:, 3:].unflatten(1, (2, 2)) * (2 * math.pi)
        real, imag = torch.zeros_like(u[:, 0]), torch.zeros_like(u[:, 0])
        for a in range(2):
            for b in range(2):
                field = f_rx[..., a] * f_tx[..., b] * float(self._coupling[a, b])
                real = real + field * torch.cos(phase[:, a, b])
                imag = imag + field * torch.sin(phase[:, a, b])
        scale = torch.from_numpy(self._scale.astype(np.float32)).to(u.device)
        azimuth, zenith = at(self._aoa, aoa), at(self._zoa, zoa)
        heading = torch.cos(azimuth - travel * (2 * math.pi))
        doppler_hz = torch.sin(zenith) * heading * self.doppler_hz
        if self.line_of_sight:
            real[..., 0] = imag[..., 0] = 0  # one ray has all the power
            real[:, 0, 0] = torch.cos(phase[:, 0, 0, 0, 0]) * self._line_of_sight_field()
            imag[:, 0, 0] = torch.sin(phase[:, 0, 0, 0, 0]) * self._line_of_sight_field()
        return torch.stack([real * scale, imag * scale, doppler_hz], 1)

    def correlation(self, lag_s: _Floats) -> NDArray[np.complex128]:
        """Returns the correlation over images, J0(2 pi f_d sin(theta) lag) for a zenith theta.

        The mean is over directions of travel. It is the covariance that a receiver can use when it
        does not know its direction; given the direction, the correlation is another one.

        >>> paths = CdlPaths("a", Antenna(), Antenna(), 1e-7, 100.0)
        >>> float(paths.correlation(np.zeros(1)).real.min().round(6))
        1.0
        """
        turn = 2 * np.pi * self.doppler_hz * np.asarray(lag_s)[..., None, None]
        rays = j0(turn * np.sin(self._zoa))
        taps: _Floats = (rays * self._arrival).sum(-1) / self._arrival.sum(-1)
        if self.line_of_sight:
            taps[..., 0] = rays[..., 0, 0]
        return taps.astype(np.complex128)


def ray_angles(profile: DelayProfile, name: str) -> _Floats:
    """Returns the angles of the rays of each cluster.

    The line of sight has one direction.

    Source: TR 38.901 equation 7.7-0a.

    Args:
        profile: CDL delay profile.
        name: "aod", "aoa", "zod" or "zoa".

    Returns:
        [taps, rays] angles in radians.

    >>> angles = ray_angles(delay_profile("cdl", "a"), "aoa")
    >>> angles.shape, round(float(np.rad2deg(angles[0].mean())), 1)
    ((23, 20), 51.3)
    """
    offsets = profile.spreads_deg[name] * np.tile(RAY_OFFSETS, (profile.taps, 1))
    if profile.line_of_sight:
        offsets[0] = 0
    return np.deg2rad(profile.angles_deg[name][:, None] + offsets)


def _fields(
    antenna: Antenna, profile: DelayProfile, zenith: str, azimuth: str, boresight: float
) -> _Floats:
    """Returns F [taps, zenith of ray, azimuth of ray, 2] for every coupling of the angles."""
    theta, phi = ray_angles(profile, zenith), ray_angles(profile, azimuth) - boresight
    return antenna.field(*np.broadcast_arrays(theta[:, :, None], phi[:, None, :]))


def cdl(
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
    tx_pattern: Annotated[str | float, PATTERN] = "omni",
    rx_pattern: Annotated[str | float, PATTERN] = "omni",
    tx_slant_deg: Annotated[float, SLANT] = 0.0,
    rx_slant_deg: Annotated[float, SLANT] = 0.0,
) -> Channel:
    """Builds a clustered delay line over an OFDM grid, with one antenna at each end.

    Args:
        model: "a", "b", "c" (no line of sight), "d" or "e" (line of sight).
        delay_spread_ns: RMS delay spread in nanoseconds.
        speed_mps: Speed of the receiver in meters per second.
        carrier_hz: Carrier frequency in hertz.
        bandwidth_hz: Bandwidth W in hertz.
        subcarriers: Number of subcarriers; None for the resource blocks that fill 90 % of W.
        subcarrier_khz: Subcarrier spacing in kilohertz.
        cyclic_prefix: "normal" or "extended".
        csi: Channel knowledge of the receiver: "perfect", or an estimate from pilots by "ls" or
            "lmmse".
        pilot_spacing: Subcarriers from one pilot to the next; unused with perfect CSI.
        interval_s: Time in seconds from the start of one transmission to the start of the next.
        tx_pattern: Antenna pattern of the transmitter: "omni", "38.901" (table 7.3-1) or
            "38.901-handheld" (table 7.3-2).
        rx_pattern: Antenna pattern of the receiver, likewise.
        tx_slant_deg: Polarization slant of the transmitter in degrees, 0 for vertical.
        rx_slant_deg: Polarization slant of the receiver, likewise.

    Returns:
        The channel.

    Raises:
        ValueError: When a parameter is not allowed; one line with the channel and the value.

    >>> cdl("d", csi="lmmse").pilot_uses(100)
    11
    """

    def paths(delay_spread_s: float, doppler_hz: float) -> CdlPaths:
        # The command line reads 38.901 as a number.
        tx = Antenna(str(tx_pattern), tx_slant_deg)
        rx = Antenna(str(rx_pattern), rx_slant_deg)
        return CdlPaths(model, tx, rx, delay_spread_s, doppler_hz)

    return mobile_channel(
        f"cdl-{model}", paths, delay_spread_ns, speed_mps, carrier_hz, bandwidth_hz,
        subcarriers, subcarrier_khz, cyclic_prefix, csi, pilot_spacing, interval_s,
    )  # fmt: skip


cdl_a, cdl_b, cdl_c, cdl_d, cdl_e = (partial(cdl, model) for model in "abcde")
