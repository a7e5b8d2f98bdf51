"""Correlated Rayleigh fading of a receiver that moves: Clarke's model of scatterers on a ring."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Complex
from torch import Tensor

from phy.streams import Streams

SPEED_OF_LIGHT_MPS = 299_792_458.0
#: Paths of the ring. The autocorrelation over images is exact for any number of paths. With 16, the
#: autocorrelation of a single image is exact within 1e-3 for 2 pi f_d tau up to 9.
PATHS = 16
#: Channel uses that share one phasor of every path; this affects speed alone.
BLOCK_USES = 32


class JakesState(NamedTuple):
    """The ring of scatterers of each image, and the number of its past transmissions.

    Attributes:
        amplitude: [batch, PATHS] complex64 gains of the paths at time 0.
        rotation: [batch] float32 rotation theta of the ring, from -pi to pi.
        transmissions: [batch] int64 number of past transmissions.
    """

    amplitude: Tensor
    rotation: Tensor
    transmissions: Tensor


@dataclass(frozen=True)
class Jakes:
    """A Gaussian process g(t) ~ CN(0, 1) with the autocorrelation of Clarke.

    ```
    E[g(t) g*(t + tau)] = J0(2 pi f_d tau),   f_d = v f_c / c
    g(t) = 1 / sqrt(N) sum_n c_n exp(j 2 pi f_d t cos((2 pi n + theta) / N))
    c_n ~ CN(0, 1), theta ~ U(-pi, pi), drawn once per image
    ```

    The angles are those of Xiao, Zheng and Beaulieu with one theta for all paths. Their paths have
    |c_n| = 1, so that g is Gaussian only in the limit of many paths. With Gaussian c_n and given
    theta, g is Gaussian for any N, jointly at any set of times.

    Source: Xiao, Zheng and Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh and
    Rician fading channels", IEEE Trans. Wireless Commun. 5(12), 2006.

    Attributes:
        speed_mps: Speed v >= 0 in meters per second.
        carrier_hz: Carrier frequency f_c in hertz.
        bandwidth_hz: Bandwidth W in hertz; a channel use takes 1 / W.
        interval_s: Time in seconds from the start of one transmission to the start of the next. A
            burst that is longer than the interval ends with the fading that the next one begins
            with.
    """

    speed_mps: float
    carrier_hz: float
    bandwidth_hz: float
    interval_s: float

    @property
    def doppler_hz(self) -> float:
        """Largest Doppler shift f_d in hertz.

        >>> round(Jakes(10.0, 5.9e9, 20e6, 1e-3).doppler_hz, 1)
        196.8
        """
        return self.speed_mps * self.carrier_hz / SPEED_OF_LIGHT_MPS

    def start(self, streams: Streams) -> JakesState:
        """Draws the ring of every image.

        Args:
            streams: Random numbers, one independent stream per row.

        Returns:
            The state before the first transmission.
        """
        drawn = streams.normal(2 * PATHS + 2).cpu().numpy()
        real, imag = drawn[:, :PATHS], drawn[:, PATHS : 2 * PATHS]
        amplitude = (real + 1j * imag) * np.float32(math.sqrt(0.5 / PATHS))
        rotation = np.arctan2(drawn[:, -1], drawn[:, -2])
        past = torch.zeros(len(drawn), dtype=torch.int64)
        return JakesState(torch.from_numpy(amplitude), torch.from_numpy(rotation), past)

    def draw(
        self, streams: Streams, uses: int, state: JakesState | None
    ) -> tuple[Complex[Tensor, "batch {uses}"], JakesState]:
        """Draws the process for one transmission.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: State from the previous transmission, None in the first.

        Returns:
            g [batch, uses] complex64, and the state one interval later.
        """
        state = self.start(streams) if state is None else state
        turn = state.rotation.double().numpy()[:, None]
        angle = (2 * math.pi * np.arange(PATHS) + turn) / PATHS
        omega = 2 * math.pi * self.doppler_hz * np.cos(angle)  # [batch, PATHS] rad/s
        begin = omega * (self.interval_s * state.transmissions.numpy()[:, None])
        g = self._sum_of_sinusoids(state.amplitude.numpy(), omega, begin, uses)
        return torch.from_numpy(g).to(streams.device), state._replace(
            transmissions=state.transmissions + 1
        )

    def _sum_of_sinusoids(
        self,
        amplitude: npt.NDArray[np.complex64],
        omega: npt.NDArray[np.float64],
        begin: npt.NDArray[np.float64],
        uses: int,
    ) -> npt.NDArray[np.complex64]:
        """Returns g [batch, uses] from products of phasors of blocks and phasors within a block."""
        blocks = -(-uses // BLOCK_USES)
        block_s = np.arange(blocks) * (BLOCK_USES / self.bandwidth_hz)
        use_s = np.arange(BLOCK_USES) / self.bandwidth_hz
        cos, sin = _phasor(begin[..., None] + omega[..., None] * block_s)
        real, imag = amplitude.real[..., None], amplitude.imag[..., None]
        # Real products: complex products round differently at the end of an array.
        outer = (real * cos - imag * sin)[..., None], (real * sin + imag * cos)[..., None]
        cos, sin = _phasor(omega[..., None] * use_s)
        inner = cos[:, :, None], sin[:, :, None]
        g = np.zeros((len(omega), blocks, BLOCK_USES, 2), np.float32)
        for n in range(PATHS):
            (a, b), (c, d) = (part[:, n] for part in outer), (part[:, n] for part in inner)
            g[..., 0] += a * c - b * d
            g[..., 1] += a * d + b * c
        return g.view(np.complex64).reshape(len(omega), -1)[:, :uses].copy()


def _phasor(
    phase: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Returns cos and sin of a phase, which is reduced modulo 2 pi in double precision first."""
    near = np.remainder(phase, 2 * math.pi).astype(np.float32)
    return np.cos(near), np.sin(near)
