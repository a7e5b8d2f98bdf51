"""Which latent feature each channel use carries: the one about which it tells the receiver most.

Reverse water-filling, use by use. Before a use both ends know how uncertain the receiver is about
each feature, from the average SNR alone; the use goes to the feature whose uncertainty it lowers
most, so that a repetition and a new feature are weighed by one rule. What is sent of a feature is
what the receiver has not fed_back that it knows: the feature less the estimate that it has fed back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semantic.quantizer import Quantizer

#: Latent features of an image.
LATENT = 64

_Floats = NDArray[np.float64]


@cache
def estimate_quantizer(bits: int) -> Quantizer:
    """The quantizer of estimates that are fed back, its values found once."""
    return Quantizer(bits)


@dataclass(frozen=True)
class BurstPlan:
    """What a burst carries, the same for every image.

    Attributes:
        position: [B] int64, the feature of each of the burst's B uses.
        carriers: [LATENT, most] int64, the uses of each feature in turn, B where it has no more.
        deviation: [LATENT] standard deviation of what is sent of each feature, c less the estimate
            that the transmitter knows.
        innovation_deviation: [LATENT] that of the new estimate less the one that the transmitter knows.
        sent: [LATENT] bool, features that the burst carries.
    """

    position: Tensor
    carriers: Tensor
    deviation: Tensor
    innovation_deviation: Tensor
    sent: Tensor


@dataclass(frozen=True)
class _Uncertainty:
    """Variances over images: of c less the receiver's estimate, and less the transmitter's copy."""

    error: _Floats
    unknown: _Floats


def importance_of_features() -> _Floats:
    """[LATENT], the weight of each feature's error, 1 / k.

    A convention and no measurement: training puts what matters most where it is best protected.
    """
    return 1 / np.arange(1.0, LATENT + 1)


def burst_sizes(B: int, bursts: int) -> tuple[int, ...]:
    """A slot of B uses in so many bursts, as equal as can be, none of them empty.

    >>> burst_sizes(15, 2), burst_sizes(1, 2)
    ((7, 8), (1,))
    """
    count = min(bursts, B)
    return tuple(B * (i + 1) // count - B * i // count for i in range(count))


def sending_plan(snr: float, sizes: tuple[int, ...], bits: int) -> BurstPlan:
    """The plan of the last of some bursts.

    Args:
        snr: Average Es/N0 of a use, linear.
        sizes: Uses of each burst, this one included.
        bits: Of each estimate that is fed back after a burst; 0 for no estimates.

    Raises:
        ValueError: When one of them is out of range.
    """
    if not (snr > 0 and sizes and min(sizes) >= 1 and bits >= 0):
        raise ValueError(f"no bursts have SNR {snr}, {sizes} uses and {bits} bits of feedback")
    return _burst(snr, sizes, bits)[0]


@lru_cache(maxsize=4096)
def _burst(snr: float, sizes: tuple[int, ...], bits: int) -> tuple[BurstPlan, _Uncertainty]:
    """The last burst, and what is uncertain after it."""
    before = _Uncertainty(np.ones(LATENT), np.ones(LATENT))
    if len(sizes) > 1:
        before = _burst(snr, sizes[:-1], bits)[1]
    B = sizes[-1]
    # One real part of each use carries a feature: its noise is half that of the use.
    per_use = 2 * snr / before.unknown
    error, importance = before.error.copy(), importance_of_features()
    gain = importance * (error - 1 / (1 / error + per_use))
    position = np.empty(B, dtype=np.int64)
    for use in range(B):
        k = position[use] = gain.argmax()
        error[k] = 1 / (1 / error[k] + per_use[k])
        gain[k] = importance[k] * (error[k] - 1 / (1 / error[k] + per_use[k]))
    counts = np.bincount(position, minlength=LATENT)
    sent = counts > 0
    innovation_deviation = before.unknown - error
    unknown = before.unknown
    if bits:
        unknown = np.where(
            sent, error + estimate_quantizer(bits).distortion * innovation_deviation, unknown
        )
    carriers = np.full((LATENT, counts.max()), B)
    for k in np.flatnonzero(sent):
        carriers[k, : counts[k]] = np.flatnonzero(position == k)
    plan = BurstPlan(
        position=torch.from_numpy(position),
        carriers=torch.from_numpy(carriers),
        deviation=torch.from_numpy(np.sqrt(before.unknown)).float(),
        innovation_deviation=torch.from_numpy(np.sqrt(innovation_deviation)).float(),
        sent=torch.from_numpy(sent),
    )
    return plan, _Uncertainty(error, unknown)
