"""95 % intervals of means over images and seeds.

An image i under a seed j gives y_ij. Other images would have given another mean, and so would
other fading and noise:

    y_ij = mean + image_i + seed_j + rest_ij
    variance of the mean over n images and m seeds = image / n + seed / m + rest / (n m)

seed_j is what all images of one seed share. Fading and noise are an image's own, so that it is
nothing for color and type; queries share the gallery, as it arrived under that seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000


def wilson(proportion: float, n: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion over n trials, at 95 %.

    Unlike the normal interval it neither collapses at 0 and 1 nor leaves [0, 1].

    >>> [round(v, 4) for v in wilson(1.0, 10)]
    [0.7225, 1.0]
    """
    z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
    center = proportion + z * z / (2 * n)
    spread = z * math.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (center - spread) / scale, (center + spread) / scale
    # At 0 and at 1 the bound is the proportion itself, up to rounding.
    return max(0.0, min(low, proportion)), min(1.0, max(high, proportion))


def bootstrap(values: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, at 95 %, from a fixed stream of resamples.

    Args:
        values: [images] of one seed, or [images, seeds].
    """
    draws = resampled_means(values)
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def proportion(values: np.ndarray) -> tuple[float, float]:
    """Interval of a mean of zeros and ones, at 95 %: Wilson's, over the trials that there are.

    Over one seed these are the images. Over several, n images are worth more than n trials, and
    less than one for each image and seed, as an image that is hard is hard under all of them: as
    many as give the variance of a bootstrap over images and seeds. Where all are right, or all
    wrong, there is no variance to find, and the trials are the images, so that no number of seeds
    makes the interval of a handful of images narrow.

    Args:
        values: [images, seeds].
    """
    mean, variance = float(values.mean()), Parts.of(values).variance
    trials = mean * (1 - mean) / variance if variance else len(values)
    return wilson(mean, min(trials, values.size))


def resampled_means(values: np.ndarray) -> np.ndarray:
    """Means as they might have come out, [RESAMPLES]: images drawn anew, and seeds drawn anew.

    Each on its own, and added. To draw both at once, as a pigeonhole bootstrap does, counts rest_ij
    three times (A. Owen, "The pigeonhole bootstrap", 2007): images resampled with their means over
    the seeds carry image_i and the rest, seeds then add seed_j alone.

    Args:
        values: [images] of one seed, or [images, seeds].
    """
    values = values[:, None] if values.ndim == 1 else values
    parts, rng = Parts.of(values), np.random.default_rng(0)
    found: np.ndarray = _resampled(parts.images, rng) + _resampled(parts.seeds, rng)
    return found + float(values.mean())


@dataclass(frozen=True)
class Parts:
    """What images and seeds have in the uncertainty of a mean, by two-way analysis of variance.

    Attributes:
        images: [images] deviations of their means over the seeds from the mean of all.
        seeds: [seeds] deviations of theirs, shrunk to what all images of a seed share.
    """

    images: np.ndarray
    seeds: np.ndarray

    @property
    def variance(self) -> float:
        """That of `resampled_means`, without resampling."""
        return float(sum(np.mean(part**2) / len(part) for part in (self.images, self.seeds)))

    @classmethod
    def of(cls, values: np.ndarray) -> Parts:
        """The parts of [images, seeds]."""
        n, m = values.shape
        images, seeds = values.mean(1) - values.mean(), values.mean(0) - values.mean()
        mean_square = n * float((seeds**2).sum()) / max(1, m - 1)
        if n == 1 or mean_square == 0:
            return cls(images, np.zeros(m))
        rest = float(((values - values.mean() - images[:, None] - seeds) ** 2).sum())
        share = max(0.0, 1 - rest / ((n - 1) * (m - 1)) / mean_square)
        # A resample of m has (m - 1) / m of the variance that it is drawn from.
        return cls(images, seeds * math.sqrt(share * m / (m - 1)))


def _resampled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Means of as many values drawn with replacement, [RESAMPLES]."""
    if np.ptp(values) == 0:
        return np.full(RESAMPLES, values.mean())
    found: np.ndarray = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=rng,
        batch=200,
    ).bootstrap_distribution
    return found


def bootstrap_ratio(above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap interval of sum(above) / sum(below), at 95 %, items resampled in pairs.

    Args:
        above: [items].
        below: [items], positive.
    """
    if len(above) < 2 or np.ptp(above / below) == 0:
        ratio = float(above.sum() / below.sum())
        return ratio, ratio
    found = stats.bootstrap(
        (above, below),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        paired=True,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
        batch=200,
    ).confidence_interval
    return float(found.low), float(found.high)
