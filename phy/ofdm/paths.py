"""Multipath propagation as a sum of rays.

Each tap of the delay line is a sum of plane waves, each with a Doppler shift of its own:

    h(f, t) = sum_n exp(-j 2 pi f tau_n) sum_m c_mn exp(j 2 pi nu_mn t)

TDL (sum of sinusoids) and CDL (clusters of rays) differ only in the laws of c and nu.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import reduce

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy.typing import NDArray
from torch import Tensor

from phy.streams import Streams

_Floats = NDArray[np.float64]


class PathModel(ABC):
    """A law of rays. The rays of an image are drawn once; afterwards only their phases advance.

    Rays are a float32 tensor [batch, 3, rays, taps]: real part and imaginary part of the gain at
    the start of the burst, and the Doppler shift in hertz.

    Attributes:
        delays_s: [taps] delays in seconds.
        powers: [taps] mean powers, which sum to 1.
        doppler_hz: Largest Doppler shift in hertz, speed over wavelength.
    """

    delays_s: _Floats
    powers: _Floats
    doppler_hz: float

    @abstractmethod
    def draw(self, streams: Streams) -> Float[Tensor, "batch 3 rays taps"]:
        """Draws the rays of each row of the streams.

        Args:
            streams: Random numbers, one independent stream per row.

        Returns:
            [batch, 3, rays, taps] rays at the start of the first burst.
        """

    @abstractmethod
    def correlation(self, lag_s: _Floats) -> NDArray[np.complex128]:
        """Returns the autocorrelation of each tap, E[a_n(t + lag) a_n(t)*] / powers[n].

        Args:
            lag_s: [...] time lags in seconds.

        Returns:
            [..., taps] complex correlations.
        """

    def covariance(self, lag_s: _Floats, offset_hz: _Floats) -> NDArray[np.complex128]:
        """Returns the covariance E[h(f + offset, t + lag) h(f, t)*] of uncorrelated taps.

        Args:
            lag_s: [lags] time lags in seconds.
            offset_hz: [offsets] frequency offsets in hertz.

        Returns:
            [lags, offsets] complex covariances.
        """
        turns = np.exp(-2j * np.pi * np.outer(self.delays_s, offset_hz))
        covariance: NDArray[np.complex128] = (self.powers * self.correlation(lag_s)) @ turns
        return covariance


def response(
    rays: Float[Tensor, "batch 3 rays taps"],
    delays_s: _Floats,
    symbol_s: float,
    frequencies_hz: _Floats,
    elements: int,
) -> Complex[Tensor, "batch {elements}"]:
    """Computes h(f, t) of each image on the first elements of a grid.

    The sums go tap by tap and ray by ray, in real products: a matrix product or a reduction may
    round differently for another number of images.

    Args:
        rays: [batch, 3, rays, taps] rays at the start of the burst.
        delays_s: [taps] delays in seconds.
        symbol_s: Time from symbol to symbol in seconds.
        frequencies_hz: [subcarriers] frequencies relative to the carrier, in hertz.
        elements: Number of elements, counted symbol after symbol.

    Returns:
        [batch, elements] complex64.

    >>> ray = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)  # gain 1, no Doppler shift
    >>> h = response(ray, np.array([0.125]), 1.0, np.array([1.0, 2.0]), 2)
    >>> torch.rad2deg(h.angle()).round()  # -360 f tau
    tensor([[-45., -90.]])
    """
    angle = -2 * np.pi * np.outer(delays_s, frequencies_hz)
    turn_real = torch.from_numpy(np.cos(angle).astype(np.float32)).to(rays.device)
    turn_imag = torch.from_numpy(np.sin(angle).astype(np.float32)).to(rays.device)
    h = rays.new_empty(len(rays), elements, dtype=torch.complex64)
    for symbol, part in enumerate(h.split(len(frequencies_hz), 1)):
        now = advance(rays, symbol_s * symbol)
        a, b = (_sum(now[:, i].unbind(1))[..., None] for i in (0, 1))
        c, d = turn_real[:, : part.shape[1]], turn_imag[:, : part.shape[1]]
        part.real = _sum(a[:, n] * c[n] - b[:, n] * d[n] for n in range(len(c)))
        part.imag = _sum(a[:, n] * d[n] + b[:, n] * c[n] for n in range(len(c)))
    return h


def advance(
    rays: Float[Tensor, "batch 3 rays taps"], interval_s: float
) -> Float[Tensor, "batch 3 rays taps"]:
    """Advances the phases of rays by an interval of time.

    Args:
        rays: [batch, 3, rays, taps] rays.
        interval_s: Interval in seconds.

    Returns:
        [batch, 3, rays, taps] the same rays at the later time.

    >>> ray = torch.tensor([1.0, 0.0, 0.125]).reshape(1, 3, 1, 1)  # gain 1, Doppler shift 1/8 Hz
    >>> advance(ray, 1.0).flatten()
    tensor([0.7071, 0.7071, 0.1250])
    """
    real, imag, doppler_hz = rays.unbind(1)
    angle = doppler_hz * (2 * math.pi * interval_s)
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack([real * cos - imag * sin, real * sin + imag * cos, doppler_hz], 1)


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, terms)
