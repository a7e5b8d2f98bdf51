"""The schedule of semharq-plus: which latent feature each channel use carries.

A latent feature is one of 64 Gaussian numbers of unit variance that describe an image. The
transmitter and the receiver know the average SNR. From it alone, both compute the variance of the
receiver's error in each feature before every use. The use carries the feature whose weighted error
variance it reduces most. This is reverse water-filling, one use at a time; the same rule decides
between a new feature and the repetition of an old one. Two simpler orders serve as controls: new
features in every burst (incremental knowledge), and the same features in every burst.

Each use transmits the innovation: the feature minus the estimate fed back. With two features on a
use, one on I and one on Q, the features share the power of the use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from semantic.plus.variants import Order
from semantic.quantizer import Quantizer

#: Number of latent features of an image.
LATENT_FEATURES = 64

_Floats = NDArray[np.float64]


@cache
def estimate_quantizer(bits: int) -> Quantizer:
    """Returns the quantizer of fed-back estimates; its values are computed once.

    >>> estimate_quantizer(1).values
    tensor([-0.7979,  0.7979])
    """
    return Quantizer(bits)


@dataclass(frozen=True)
class BurstPlan:
    """The content of one burst, the same for every image.

    Attributes:
        position: Feature at each place of the burst: of each use, or of I and Q of each use.
        uses_of_feature: Indices of the places of each feature, padded with their number.
        innovation_deviation: Standard deviation of the innovation of each feature: the feature
            minus the estimate fed back before the burst.
        update_deviation: Standard deviation of the estimate update of each feature: the receiver's
            estimate after the burst minus the estimate fed back before it.
        sent: True for the features that the burst carries.
    """

    position: Int[Tensor, " places"]
    uses_of_feature: Int[Tensor, "latent most"]
    innovation_deviation: Float[Tensor, " latent"]
    update_deviation: Float[Tensor, " latent"]
    sent: Bool[Tensor, " latent"]


@dataclass(frozen=True)
class _Variances:
    """Variances over images, [LATENT_FEATURES] each, after a burst.

    Attributes:
        error: Of the feature minus the receiver's estimate.
        innovation: Of the feature minus the estimate fed back.
    """

    error: _Floats
    innovation: _Floats


def feature_weights() -> _Floats:
    """Returns the weight 1 / k of the k-th feature's error variance, [LATENT_FEATURES].

    The weights are a convention: training puts the most important information into the features
    that the weights protect best.

    >>> feature_weights()[:4]
    array([1.        , 0.5       , 0.33333333, 0.25      ])
    """
    return 1 / np.arange(1.0, LATENT_FEATURES + 1)


def burst_sizes(B: int, bursts: int) -> tuple[int, ...]:
    """Divides a slot of B uses into bursts of nearly equal size, none of them empty.

    >>> burst_sizes(15, 2), burst_sizes(1, 2)
    ((7, 8), (1,))
    """
    count = min(bursts, B)
    return tuple(B * (i + 1) // count - B * i // count for i in range(count))


def burst_plan(
    snr: float,
    sizes: tuple[int, ...],
    bits: int,
    order: Order = "planned",
    features_per_use: int = 1,
) -> BurstPlan:
    """Plans the last of a sequence of bursts.

    Args:
        snr: Average Es/N0 of a use, linear.
        sizes: Number of uses of each burst up to and including this one.
        bits: Bits of each estimate that is fed back after a burst; 0 for no estimates.
        order: "planned" by the error variances; "new", the features after those of the bursts
            before; or "same", the first features in every burst.
        features_per_use: 1, a feature on I of each use, or 2, one on I and one on Q.

    Raises:
        ValueError: An argument is out of range.

    >>> burst_plan(0.4, (5,), 0).position
    tensor([0, 1, 0, 2, 3])
    >>> [burst_plan(0.4, (3, 3), 0, order).position.tolist() for order in ("new", "same")]
    [[3, 4, 5], [0, 1, 2]]
    """
    if not (snr > 0 and sizes and min(sizes) >= 1 and bits >= 0):
        raise ValueError(
            f"a burst needs SNR > 0, at least one use and bits >= 0, got {snr}, {sizes}, {bits}"
        )
    return _burst(snr, sizes, bits, order, features_per_use)[0]


@lru_cache(maxsize=4096)
def _burst(
    snr: float, sizes: tuple[int, ...], bits: int, order: Order, features_per_use: int
) -> tuple[BurstPlan, _Variances]:
    """Returns the plan of the last burst and the variances after it."""
    before = _Variances(np.ones(LATENT_FEATURES), np.ones(LATENT_FEATURES))
    if len(sizes) > 1:
        before = _burst(snr, sizes[:-1], bits, order, features_per_use)[1]
    places = sizes[-1] * features_per_use
    # The noise of a real part has half the variance of the use; two features share the power.
    per_use = 2 / features_per_use * snr / before.innovation
    error, weights = before.error.copy(), feature_weights()
    gain = weights * (error - 1 / (1 / error + per_use))
    position = _fixed_order(order, sizes, features_per_use)
    for use in range(places):
        if order == "planned":
            position[use] = gain.argmax()
        k = position[use]
        error[k] = 1 / (1 / error[k] + per_use[k])
        gain[k] = weights[k] * (error[k] - 1 / (1 / error[k] + per_use[k]))
    counts = np.bincount(position, minlength=LATENT_FEATURES)
    sent = counts > 0
    update = before.innovation - error
    innovation = before.innovation
    if bits:
        innovation = np.where(
            sent, error + estimate_quantizer(bits).distortion * update, innovation
        )
    uses = np.full((LATENT_FEATURES, counts.max()), places)
    for k in np.flatnonzero(sent):
        uses[k, : counts[k]] = np.flatnonzero(position == k)
    plan = BurstPlan(
        position=torch.from_numpy(position),
        uses_of_feature=torch.from_numpy(uses),
        innovation_deviation=torch.from_numpy(np.sqrt(before.innovation)).float(),
        update_deviation=torch.from_numpy(np.sqrt(update)).float(),
        sent=torch.from_numpy(sent),
    )
    return plan, _Variances(error, innovation)


def _fixed_order(order: Order, sizes: tuple[int, ...], features_per_use: int) -> NDArray[np.int64]:
    """Returns the features of the last burst if the variances do not matter."""
    first = sum(sizes[:-1]) * features_per_use if order == "new" else 0
    return (first + np.arange(sizes[-1] * features_per_use)) % LATENT_FEATURES
