"""Significance of differences: p-values that agree with the intervals, and Holm's adjustment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.results.intervals import Array, Spread, Vehicles, mean_interval

#: Smaller p-values are given as this one.
LEAST_P = 1e-9


def p_value(values: Vehicles, spread: Spread) -> float:
    """The p-value of "the truth is 0": 1 minus the confidence of the interval that ends at 0.

    Args:
        values: One study, as for `mean_interval`.
        spread: As for `mean_interval`.

    Returns:
        From `LEAST_P` to 1; NaN where there is no interval.
    """
    side = np.sign(values.mean)

    def distance(log_p: float) -> float:
        bounds = mean_interval(values, spread, confidence=-np.expm1(log_p))
        return float(min(side * bound for bound in bounds))

    first, last = np.log(LEAST_P), -1e-9
    if np.isnan(distance(first)):
        return float("nan")
    if side == 0 or distance(last) <= 0:
        return 1.0
    from scipy.optimize import brentq  # takes 0.2 s, and no run needs it

    return LEAST_P if distance(first) > 0 else float(np.exp(brentq(distance, first, last)))


def holm(p_values: Sequence[float] | Array) -> Array:
    """p-values adjusted for their number by Holm's step-down method; NaN is not counted.

    The probability of one or more false findings among all is then at most the level.
    Source: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, float)
    found = np.full(given.shape, np.nan)
    order = np.argsort(given)[: int((~np.isnan(given)).sum())]
    factors = len(order) - np.arange(len(order))
    found[order] = np.minimum(1.0, np.maximum.accumulate(factors * given[order]))
    return found
