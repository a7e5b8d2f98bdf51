"""95 % intervals of means over vehicles, seeds and trainings.

Images of one vehicle resemble each other, so the independent units are vehicles, and beside them
the seeds of fading and noise and the trainings of the networks. With w_v the share of vehicle v in
all images, the deviation of a mean splits into parts that are independent of each other:

    mean - truth = vehicles + seeds + trainings
    H^2          = t_v^2 V_vehicles + t_s^2 V_seeds + t_t^2 V_trainings

`V_vehicles` is the cluster-robust variance CR2 over vehicles. It holds everything that differs from
vehicle to vehicle: the vehicle, its images, and their fading and noise under every seed.
`V_seeds` and `V_trainings` hold what all vehicles of one seed or training share, for example the
gallery as it arrived under that seed. Each t is Student's quantile of its own degrees of freedom.

Two functions turn H into an interval. `share_interval` is for means that are bounded by 0 and 1 and
`mean_interval` for costs and for paired differences. docs/statistics.md states the formulas, their
measured coverage, and what the intervals do not cover.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

Array = NDArray[np.float64]

CONFIDENCE = 0.95
#: Nearer to a limit than this share of the range, a mean is at the limit, up to rounding.
EDGE = 1e-6


@dataclass(frozen=True)
class Vehicles:
    """Sums of a metric over the images of each vehicle, under every training and seed.

    Leading axes are studies that are evaluated at once.

    Attributes:
        sums: [..., vehicles, trainings, seeds] sums over the images of a vehicle.
        sizes: The same shape, or 1 for trainings and seeds: the number of images, or the sum below
            the fraction of a ratio.
    """

    sums: Array
    sizes: Array

    @property
    def count(self) -> int:
        """The number of vehicles."""
        return int(self.sums.shape[-3])

    @property
    def mean(self) -> Array:
        """[...] the sum of `sums` over that of `sizes`."""
        found: Array = self.sums.mean((-2, -1)).sum(-1) / self.sizes.mean((-2, -1)).sum(-1)
        return found

    @property
    def weights(self) -> Array:
        """[..., vehicles] the share w_v of each vehicle."""
        sizes = self.sizes.mean((-2, -1))
        found: Array = sizes / sizes.sum(-1, keepdims=True)
        return found

    @property
    def residuals(self) -> Array:
        """[..., vehicles, trainings, seeds] what each adds to the deviation from the mean."""
        total = self.sizes.mean((-2, -1)).sum(-1)[..., None, None, None]
        found: Array = (self.sums - self.mean[..., None, None, None] * self.sizes) / total
        return found


@dataclass(frozen=True)
class Spread:
    """How the values of single images lie, for `mean_interval`.

    Attributes:
        low: [...] the least value of an image.
        high: [...] the largest one.
        variance: [...] variance of the values over images, trainings and seeds.
        moved: [..., vehicles] sums over the images of a vehicle of their distances from the median of
            all, 0 where they are negligible.
        least: [...] the least value that an image could have had; `low` where values are fixed by
            construction.
        most: [...] the largest one; `high` where values are fixed by construction.
    """

    low: Array
    high: Array
    variance: Array
    moved: Array
    least: Array
    most: Array


def share_interval(values: Vehicles, confidence: float = CONFIDENCE) -> tuple[Array, Array]:
    """The interval of a mean of values between 0 and 1, such as an accuracy or an mAP.

    It is Wilson's interval over an effective number of trials. With p the mean, the interval holds
    every pi with (p - pi)^2 <= a pi (1 - pi), where a = H^2 / (p (1 - p)).

    Where k vehicles decide the mean, the variance over vehicles is known from k of them only. It is
    therefore drawn towards p (1 - p) sum(w_v^2), the largest one that is possible (all images of a
    vehicle agree), with the weight 1 / (1 + (k / 2)^2). k is Kish's effective number of vehicles
    that are wrong, or right if these are fewer. With all right or all wrong, k = 0.

    Args:
        values: Sums over the images of each vehicle, each between 0 and the size.
        confidence: Probability of holding the truth.

    Returns:
        The lower and the upper bound, [...] each. One vehicle alone gives 0 and 1.

    >>> right, images = np.full((20, 1, 1), 3.0), np.full((20, 1, 1), 3.0)
    >>> low, high = share_interval(Vehicles(right, images))
    >>> print(f"{low:.3f} {high:.3f}")
    0.820 1.000
    """
    mean = np.clip(values.mean, 0.0, 1.0)
    if values.count < 2:
        return np.zeros_like(mean), np.ones_like(mean)
    weights = values.weights
    student = _student(degrees_of_freedom(weights), confidence)
    spread = mean * (1 - mean)
    right, wrong = (part.sum((-2, -1)) for part in (values.sums, values.sizes - values.sums))
    decide = np.minimum(kish(right), kish(wrong))
    pull = 1 / (1 + (decide / 2) ** 2)
    most = (weights**2).sum(-1)
    variance = _variance_of_vehicles(values.residuals, weights)
    variance += pull * np.maximum(0.0, spread * most - variance)
    half_2 = student**2 * variance + _shared(values, confidence)
    known = spread > 0
    a = np.where(known, half_2 / np.where(known, spread, 1.0), student**2 * most)
    return _wilson(mean, a)


def mean_interval(
    values: Vehicles, spread: Spread, confidence: float = CONFIDENCE
) -> tuple[Array, Array]:
    """The interval of a mean of values without common bounds: a cost, or a paired difference.

    The bounds solve (m - mu)^2 <= a (mu - low) (high - mu) with a = H^2 / ((m - low) (high - m)),
    which bends the interval m +- H towards the longer tail of the values. low and high are the
    least and the largest value that were seen, moved towards `least` and `most` by 2^(1 - k) / 0.05
    of the way (for 95 %): as far as a sign test over k vehicles does not rule out what is beyond.

    k vehicles differ from the others (Kish's effective number). As in `share_interval`, the
    variance over vehicles is drawn towards the one of vehicles whose images all agree, with the
    weight 1 / (1 + (k / 2)^2). Where all images agree it is 0, but a vehicle that was not seen
    might differ by r, the distance to the farther one of `least` and `most`. Then H is at least
    r a / (1 + a) with a = t^2 sum(w_v^2), which is Wilson's bound for 0 vehicles out of all. With
    k vehicles that differ, this counts with the weight 2^-k. The width is 0 only where `least` and
    `most` say that the value is fixed by construction.

    Args:
        values: Sums over the images of each vehicle.
        spread: How the values of single images lie.
        confidence: Probability of holding the truth.

    Returns:
        The lower and the upper bound, [...] each. One vehicle alone gives `least` and `most`, or
        NaN where these are not known and its images differ.
    """
    mean, weights = values.mean, values.weights
    if values.count < 2:
        open_ = (spread.high > spread.low) & (spread.least == spread.low)
        open_ &= spread.most == spread.high
        return np.where(open_, np.nan, spread.least), np.where(open_, np.nan, spread.most)
    student = _student(degrees_of_freedom(weights), confidence)
    differ, alike = kish(spread.moved), (weights**2).sum(-1)
    variance = _variance_of_vehicles(values.residuals, weights)
    variance += np.maximum(0.0, spread.variance * alike - variance) / (1 + (differ / 2) ** 2)
    unseen, pull = student**2 * alike, 2.0**-differ
    reach = np.maximum(spread.most - mean, mean - spread.least)
    least_2 = np.square(reach * unseen / (1 + unseen))
    half_2 = student**2 * variance
    half_2 += pull * np.maximum(0.0, least_2 - half_2)
    shared_2 = _shared(values, confidence)
    # Values beyond those that were seen are ruled out as far as a sign test over the k vehicles
    # rules them out, and another seed or training may move all images.
    room, doubt = np.sqrt(shared_2), np.minimum(1.0, 2 * pull / (1 - confidence))
    low = spread.low + doubt * (spread.least - spread.low)
    low = np.maximum(low - room, spread.least)
    high = spread.high + doubt * (spread.most - spread.high)
    width = np.minimum(high + room, spread.most) - low
    place = (mean - low) / np.where(width > 0, width, 1.0)
    bent = (width > 0) & (place > EDGE) & (place < 1 - EDGE)
    scale_2 = np.where(bent, place * (1 - place) * width**2, 1.0)
    # No values within the limits have a larger variance than `unseen` stands for.
    a = np.minimum(half_2 / scale_2, unseen) + shared_2 / scale_2
    below, above = _wilson(np.where(bent, place, 0.5), a)
    half_2 += shared_2
    half = np.sqrt(half_2)
    return (
        np.where(bent, low + width * below, np.maximum(mean - half, spread.least)),
        np.where(bent, low + width * above, np.minimum(mean + half, spread.most)),
    )


def kish(masses: Array) -> Array:
    """Kish's effective number of the vehicles that carry a mass: (sum m)^2 / sum m^2, [...].

    >>> kish(np.array([2.0, 2.0, 0.0])).item(), kish(np.zeros(3)).item()
    (2.0, 0.0)
    """
    squares = (masses**2).sum(-1)
    found: Array = masses.sum(-1) ** 2 / np.where(squares > 0, squares, 1.0)
    return found


def degrees_of_freedom(weights: Array) -> Array:
    """Satterthwaite's degrees of freedom of CR2, for vehicles whose images all agree, [...].

    The working model is Bell and McCaffrey's with the variance w_v^2 of the part of vehicle v.
    Equal vehicles give their number minus 1.
    Source: R. Bell, D. McCaffrey, "Bias reduction in standard errors for linear regression with
    multi-stage samples", 2002.

    Args:
        weights: [..., vehicles] shares of the images, at least two.

    >>> degrees_of_freedom(np.full(20, 0.05)).round(6).item()
    19.0
    """
    w, factor = weights, 1 / (1 - weights)
    part = w**2  # variance of the sum of a vehicle
    total = part.sum(-1)
    diagonal = factor * (part - 2 * w * part + w**2 * total[..., None])
    # The covariance of the residuals of v and u is -(w_u part_v + w_v part_u - w_v w_u total).
    a, b, c = ((factor * x).sum(-1) for x in (part**2, w**2, part * w))
    every = 2 * a * b + 2 * c**2 + (total * b) ** 2 - 4 * total * c * b
    own = ((factor * (2 * w * part - w**2 * total[..., None])) ** 2).sum(-1)
    found: Array = diagonal.sum(-1) ** 2 / ((diagonal**2).sum(-1) + every - own)
    return found


def _wilson(mean: Array, a: Array) -> tuple[Array, Array]:
    """Both pi with (mean - pi)^2 = a pi (1 - pi)."""
    center = (mean + a / 2) / (1 + a)
    half = np.sqrt(a * mean * (1 - mean) + a**2 / 4) / (1 + a)
    # At 0 and at 1 the bound is the mean itself, up to rounding.
    return np.clip(center - half, 0.0, mean), np.clip(center + half, mean, 1.0)


def _student(freedom: Array | float, confidence: float) -> Array:
    found: Array = stdtrit(freedom, 0.5 + confidence / 2)
    return found


def _variance_of_vehicles(residuals: Array, weights: Array) -> Array:
    """CR2 of the residuals, averaged over trainings and seeds."""
    found: Array = (residuals.mean((-2, -1)) ** 2 / (1 - weights)).sum(-1)
    return found


def _shared(values: Vehicles, confidence: float) -> Array:
    """t^2 V of seeds and of trainings: what all vehicles of one share, beyond chance."""
    own = values.residuals - values.residuals.mean((-2, -1), keepdims=True)
    found = np.zeros(own.shape[:-3])
    for axis, other in ((-2, -1), (-1, -2)):
        k = own.shape[axis]
        if k < 2:
            continue
        each = own.mean(other)  # [..., vehicles, k]
        both = (each.sum(-2) ** 2).sum(-1)
        apart = (each**2).sum((-2, -1))  # as much comes of vehicles that share nothing
        share = np.maximum(0.0, both - apart) / (1 - (values.weights**2).sum(-1))
        found += _student(k - 1, confidence) ** 2 * share / (k * (k - 1))
    return found
