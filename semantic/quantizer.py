"""Scalar quantizers for Gaussian numbers of unit variance: features <-> bits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from torch import Tensor

from semantic.suggest import nearest

#: Largest number of bits per number.
MOST_BITS = 10
#: Kinds of quantizers.
QUANTIZERS = ("lloyd-max", "uniform")

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Quantizer:
    """The quantizer of N(0, 1) with 2^bits values and the least mean squared error of its kind.

    Both kinds map a number to the nearest value q. The error is uncorrelated with the value,
    E[(x - q) q] = 0. Therefore q is the linear MMSE estimate of x, and D = 1 - E[q^2].

    Attributes:
        bits: Number of bits per number, 1 to 10.
        kind: "lloyd-max" (optimal values) or "uniform" (equally spaced values, optimal step).

    Raises:
        ValueError: An attribute is not allowed.

    Source: Max, Quantizing for minimum distortion, 1960.

    >>> [round(Quantizer(bits).distortion, 4) for bits in (1, 2, 3)]
    [0.3634, 0.1175, 0.0345]
    >>> round(Quantizer(3, "uniform").distortion, 4)
    0.0374
    """

    bits: int
    kind: str = "lloyd-max"

    def __post_init__(self) -> None:
        if not isinstance(self.bits, int) or not 1 <= self.bits <= MOST_BITS:
            raise ValueError(
                f"{self.bits!r} bits per feature are not allowed, it must be 1 to {MOST_BITS}"
            )
        if self.kind not in QUANTIZERS:
            raise ValueError(f"unknown quantizer {self.kind!r}; {nearest(self.kind, QUANTIZERS)}")

    @cached_property
    def _positive(self) -> _Floats:
        """The positive values, ascending; the negative ones mirror them."""
        half = 2 ** (self.bits - 1)
        return _lloyd_max(half) if self.kind == "lloyd-max" else _uniform(half)

    @cached_property
    def values(self) -> Tensor:
        """The values q in ascending order, [2^bits] float32.

        >>> Quantizer(1).values  # +- sqrt(2 / pi)
        tensor([-0.7979,  0.7979])
        """
        half = torch.from_numpy(self._positive)
        return torch.cat([-half.flip(0), half]).float()

    @cached_property
    def distortion(self) -> float:
        """Mean squared error D = E[(x - q)^2] over N(0, 1)."""
        probability, _ = _cells(self._positive)
        return float(1.0 - 2.0 * (probability * self._positive**2).sum())

    def quantize(self, x: Float[Tensor, "batch n"]) -> UInt8[Tensor, "batch bits"]:
        """Quantizes numbers to bits, `bits` for each number, most significant first.

        >>> Quantizer(2).quantize(torch.tensor([[-3.0, 0.1]]))
        tensor([[0, 0, 1, 0]], dtype=torch.uint8)
        """
        values = self.values.to(x.device)
        index = torch.bucketize(x, (values[1:] + values[:-1]) / 2)
        return (index[..., None] >> self._shifts(x.device) & 1).flatten(-2).to(torch.uint8)

    def dequantize(self, bits: Shaped[Tensor, "batch bits"]) -> Float[Tensor, "batch n"]:
        """Returns the values of the bits that `quantize` gives; any integer or boolean type.

        >>> Quantizer(1).dequantize(torch.tensor([[0, 1]]))
        tensor([[-0.7979,  0.7979]])
        """
        words = bits.unflatten(-1, (-1, self.bits)).long()
        return self.values.to(bits.device)[(words << self._shifts(bits.device)).sum(-1)]

    def _shifts(self, device: torch.device) -> Tensor:
        return torch.arange(self.bits - 1, -1, -1, device=device)


def _cells(values: _Floats) -> tuple[_Floats, _Floats]:
    """Returns probability and integral of x of N(0, 1) over the cells of positive values."""
    edges = np.concatenate([[0.0], (values[1:] + values[:-1]) / 2, [np.inf]])
    density = np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi)
    return ndtr(-edges[:-1]) - ndtr(-edges[1:]), density[:-1] - density[1:]


def _lloyd_max(half: int) -> _Floats:
    """Returns the positive values that are the centroids of their own cells."""
    from scipy.optimize import fsolve  # few runs quantize, and the import takes 0.2 s

    def off_center(values: _Floats) -> _Floats:
        probability, integral = _cells(values)
        return values - integral / probability

    # Start at the quantiles of density^(1/3), optimal for many levels (Panter and Dite, 1951).
    start = np.sqrt(3.0) * ndtri(0.5 + (np.arange(half) + 0.5) / (2 * half))
    # A value affects only the centroids of its neighbors: the Jacobian is tridiagonal.
    solution: _Floats = fsolve(off_center, start, band=(1, 1) if half > 1 else None, xtol=1e-12)
    return solution


def _uniform(half: int) -> _Floats:
    """Returns the positive values (i + 1/2) step with the step of least distortion."""
    from scipy.optimize import minimize_scalar  # as above

    grid = np.arange(half, dtype=np.float64) + 0.5

    def distortion(step: float) -> float:
        probability, integral = _cells(grid * step)
        return float(2.0 * (probability * (grid * step) ** 2 - 2.0 * grid * step * integral).sum())

    # The largest value lies between one and seven standard deviations.
    found = minimize_scalar(distortion, bounds=(1.0 / half, 7.0 / half), options={"xatol": 1e-9})
    values: _Floats = grid * float(found.x)
    return values
