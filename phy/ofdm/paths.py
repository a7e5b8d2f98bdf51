"""Multipath as a sum of rays: each tap of the delay line is a few plane waves with their Doppler.

    h(f, t) = sum_n exp(-j 2 pi f tau_n) sum_m c_mn exp(j 2 pi nu_mn t)

TDL (sum of sinusoids) and CDL (clusters of rays) differ in where c and nu come from only.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import reduce

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.streams import Streams

_Floats = NDArray[np.float64]


class PathModel(ABC):
    """Draws the rays of an image once; from then on they only turn.

    Rays are a float32 tensor [batch, 3, rays, taps]: real and imaginary part of the gain at the
    start of the burst, and Doppler shift in hertz.

    Attributes:
        delays_s: [taps].
        powers: [taps] mean power, sum 1.
        doppler_hz: Largest Doppler shift, speed over wavelength.
    """

    delays_s: _Floats
    powers: _Floats
    doppler_hz: float

    @abstractmethod
    def draw(self, streams: Streams) -> Tensor:
        """The rays of each row of the streams, in one call of its verbs.

        A second call of the same verb of per-image streams would give the same numbers again.
        """

    @abstractmethod
    def correlation(self, lag_s: _Floats) -> NDArray[np.complex128]:
        """E[a_n(t + lag) a_n(t)*] / powers[n] of each tap, [*lags, taps]."""

    def covariance(self, lag_s: _Floats, offset_hz: _Floats) -> NDArray[np.complex128]:
        """E[h(f + offset, t + lag) h(f, t)*], [lags, offsets]: taps do not depend on each other."""
        turns = np.exp(-2j * np.pi * np.outer(self.delays_s, offset_hz))
        covariance: NDArray[np.complex128] = (self.powers * self.correlation(lag_s)) @ turns
        return covariance


def response(
    rays: Tensor, delays_s: _Floats, symbol_s: float, frequencies_hz: _Floats, elements: int
) -> Tensor:
    """h(f, t) of each image on the first elements of a grid.

    Sums go tap by tap and ray by ray, in real products: a matrix product or a reduction may
    round differently for another number of images.

    Args:
        rays: [batch, 3, rays, taps].
        delays_s: [taps].
        symbol_s: Time from symbol to symbol.
        frequencies_hz: [subcarriers].
        elements: How many, symbol after symbol.

    Returns:
        [batch, elements] complex64.
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


def advance(rays: Tensor, interval_s: float) -> Tensor:
    """The same rays, seen from `interval_s` later on."""
    real, imag, doppler_hz = rays.unbind(1)
    angle = doppler_hz * (2 * math.pi * interval_s)
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack([real * cos - imag * sin, real * sin + imag * cos, doppler_hz], 1)


def _sum(terms: Iterable[Tensor]) -> Tensor:
    return reduce(torch.add, terms)
