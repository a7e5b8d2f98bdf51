"""What seeds tell of a point: how far fading and noise leave it uncertain, and whether to go on.

More seeds tell more of the fading and the noise, and nothing of images that were never taken. So
the half-width that the stop rule looks at is that of the mean over fading and noise with the images
held fixed: Student's interval over the seeds' means, which needs no assumption on how the images
of one seed depend on each other. The intervals of the curve also stand for the images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from simulator.results.curve import ACCURACIES, COLUMN
from simulator.results.intervals import CONFIDENCE
from simulator.stop_rule import StopRule

#: Seeds under which no spread is believed.
LEAST_SEEDS = 3


@dataclass(frozen=True)
class SeedSummary:
    """One seed at one point.

    Attributes:
        means: The accuracies in percent, those without a label left out.
        errors: How many images were wrong in each of them; for mAP, not perfectly ranked.
    """

    means: tuple[float, ...]
    errors: tuple[int, ...]


def summarize(rows: pd.DataFrame) -> SeedSummary:
    """What the stop rule needs of the per-image rows of one seed."""
    means, errors = [], []
    for metric in ACCURACIES:
        values = rows[COLUMN[metric]].astype(float).dropna()
        if len(values):
            means.append(100 * float(values.mean()))
            errors.append(int((values < 1).sum()))
    return SeedSummary(tuple(means), tuple(errors))


def half_width(seeds: Sequence[SeedSummary]) -> float:
    """Half-width in points of the widest accuracy's 95 % interval, the images held fixed."""
    n = len(seeds)
    if n < 2:
        return math.inf
    spread = np.std([s.means for s in seeds], axis=0, ddof=1)
    quantile = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1))
    return quantile * float(spread.max(initial=0.0)) / math.sqrt(n)


def enough(rule: StopRule, seeds: Sequence[SeedSummary]) -> bool:
    """Whether a point with these seeds needs no more."""
    if rule.kind == "errors":
        return bool((np.sum([s.errors for s in seeds], axis=0) >= rule.target).all())
    return len(seeds) >= LEAST_SEEDS and half_width(seeds) <= rule.target
