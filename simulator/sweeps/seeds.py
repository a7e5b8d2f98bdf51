"""The seeds of a point: how far fading and noise leave it uncertain, and whether it needs more.

More seeds reduce the uncertainty that comes from fading and noise. They say nothing of vehicles
that were never photographed. The stop rule therefore looks at the half-width of the mean over
fading and noise, with the images held fixed: Student's interval over the means of the seeds. It
needs no assumption on how the images of one seed, or of one vehicle, depend on each other. The
intervals of the curve cover vehicles too, and do not go to 0 with more seeds.

Where every seed has all images right, or all wrong, the seeds have no spread. With the images held
fixed, each image under each seed is then one trial, and the half-width is that of Wilson's interval
over so many trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from simulator.results.curve import ACCURACIES, COLUMN
from simulator.results.intervals import CONFIDENCE
from simulator.stop_rule import StopRule

#: The least number of seeds whose spread is trusted.
LEAST_SEEDS = 3


@dataclass(frozen=True)
class SeedSummary:
    """One seed at one point.

    Attributes:
        means: The accuracies in percent; those without a label are left out.
        errors: The number of images that are wrong in each of them; for mAP, not ranked perfectly.
        images: The number of images that each of them is the mean of.
    """

    means: tuple[float, ...]
    errors: tuple[int, ...]
    images: tuple[int, ...]


def summarize(rows: pd.DataFrame) -> SeedSummary:
    """Summarizes the per-image rows of one seed for the stop rule."""
    means, errors, images = [], [], []
    for metric in ACCURACIES:
        values = rows[COLUMN[metric]].astype(float).dropna()
        if len(values):
            means.append(100 * float(values.mean()))
            errors.append(int((values < 1).sum()))
            images.append(len(values))
    return SeedSummary(tuple(means), tuple(errors), tuple(images))


def half_width(seeds: Sequence[SeedSummary]) -> float:
    """Computes the half-width of the widest accuracy's 95 % interval, the images held fixed.

    Args:
        seeds: The seeds of one point.

    Returns:
        Percentage points; infinite for one seed.
    """
    n = len(seeds)
    if n < 2:
        return math.inf
    from scipy import stats  # takes a third of a second, and few runs have a stop rule

    means = np.array([s.means for s in seeds])
    spread = np.std(means, axis=0, ddof=1)
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1))
    widths = quantile * spread / math.sqrt(n)
    trials = np.sum([s.images for s in seeds], axis=0)
    z_2 = float(stats.norm.ppf(0.5 + CONFIDENCE / 2)) ** 2
    extreme = (means == 0).all(0) | (means == 100).all(0)
    wilson = 100 * z_2 / (trials + z_2) / 2  # half of the interval of 0, or of all, of the trials
    return float(np.where(extreme, wilson, widths).max(initial=0.0))


def enough(rule: StopRule, seeds: Sequence[SeedSummary]) -> bool:
    """Decides whether a point with these seeds needs no more."""
    if rule.kind == "errors":
        return bool((np.sum([s.errors for s in seeds], axis=0) >= rule.target).all())
    return len(seeds) >= LEAST_SEEDS and half_width(seeds) <= rule.target
