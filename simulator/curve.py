"""Points of a curve: means over images with their counts and 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000

#: Metrics in the order of tables and figures; the first four are in percent.
ACCURACIES = ("rank1", "mAP", "color_accuracy", "type_accuracy")
COSTS = (
    "transmissions",
    "slots",
    "channel_uses",
    "pilot_uses",
    "feedback_bits",
    "side_information_bits",
    "energy",
    "latency_ms",
)
METRICS = ACCURACIES + COSTS
#: Of schemes that send information bits; with them `bler_1` ... `bler_G`.
DIGITAL = ("information_bits", "delivered_bits", "goodput")

#: The per-image column that each metric is the mean of.
COLUMN = {
    "rank1": "rank1_hit",
    "mAP": "average_precision",
    "color_accuracy": "color_correct",
    "type_accuracy": "type_correct",
}


def wilson(proportion: float, n: int) -> tuple[float, float]:
    """Wilson's score interval of a proportion over n trials, at 95 %.

    Unlike the normal interval it neither collapses at 0 and 1 nor leaves [0, 1].

    >>> [round(v, 4) for v in wilson(1.0, 10)]
    [0.7225, 1.0]
    """
    z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
    centre = proportion + z * z / (2 * n)
    spread = z * math.sqrt(proportion * (1 - proportion) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - spread) / scale, (centre + spread) / scale
    # At 0 and at 1 the bound is the proportion itself, up to rounding.
    return max(0.0, min(low, proportion)), min(1.0, max(high, proportion))


def bootstrap(values: np.ndarray) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean, at 95 %, from a fixed stream of resamples.

    Args:
        values: [items], one number per independent item.
    """
    if len(values) < 2 or np.ptp(values) == 0:
        return float(values.mean()), float(values.mean())
    found = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(0),
        batch=200,
    ).confidence_interval
    return float(found.low), float(found.high)


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


def point(rows: pd.DataFrame, metric: str) -> dict[str, float]:
    """One metric of one scheme at one SNR.

    The items are images (queries for rank-1 and mAP): with several seeds each item counts once,
    with its mean over the seeds, so that n never claims more independent images than there are.

    Args:
        rows: Per-image rows of that scheme and SNR, all seeds.
        metric: One of `METRICS`, or of `digital_metrics`.

    Returns:
        value, ci_low, ci_high, n; NaN with n = 0 where no image carries the label.
    """
    if metric == "goodput":
        return _goodput(rows)
    bler = metric.startswith("bler_")
    values = _waiting(rows, int(metric[5:])) if bler else rows[COLUMN.get(metric, metric)]
    items = values.astype(float).groupby(rows["image"]).mean().dropna().to_numpy()
    if not len(items):
        return {"value": math.nan, "ci_low": math.nan, "ci_high": math.nan, "n": 0}
    mean = float(items.mean())
    proportion = bler or metric in ("rank1", "color_accuracy", "type_accuracy")
    low, high = wilson(mean, len(items)) if proportion else bootstrap(items)
    scale = 100.0 if metric in ACCURACIES else 1.0
    return {
        "value": scale * mean,
        "ci_low": scale * low,
        "ci_high": scale * high,
        "n": len(items),
    }


def _waiting(rows: pd.DataFrame, transmissions: int) -> pd.Series:
    """Which images the receiver did not have, whole and right, after so many transmissions."""
    whole = rows["delivered_bits"] >= rows["information_bits"]
    late = ~(whole & (rows["transmissions"] <= transmissions))
    return late.astype(float).where(rows["information_bits"] > 0)  # nothing offered, no block


def _goodput(rows: pd.DataFrame) -> dict[str, float]:
    """Delivered bits over channel uses, pilots included: a ratio of sums, in bits per use."""
    used = (rows["channel_uses"] + rows["pilot_uses"]).groupby(rows["image"]).sum()
    bits = rows["delivered_bits"].groupby(rows["image"]).sum()[used > 0].to_numpy(float)
    uses = used[used > 0].to_numpy(float)
    if not len(uses):
        return {"value": math.nan, "ci_low": math.nan, "ci_high": math.nan, "n": 0}
    low, high = bootstrap_ratio(bits, uses)
    ratio = float(bits.sum() / uses.sum())
    return {"value": ratio, "ci_low": low, "ci_high": high, "n": len(uses)}


def digital_metrics(rows: pd.DataFrame) -> tuple[str, ...]:
    """What is known of one scheme beside `METRICS`: nothing when it sends no information bits.

    Args:
        rows: All its per-image rows: `bler_j` goes up to the most transmissions among them.
    """
    if "information_bits" not in rows or not (rows["information_bits"] > 0).any():
        return ()
    rounds = range(1, int(rows["transmissions"].max()) + 1)
    return (*DIGITAL, *(f"bler_{j}" for j in rounds))


def curve(images: pd.DataFrame, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """The tidy curve of a per-image log: `metrics`, and those of digital schemes where they apply.

    Returns:
        Columns scheme, channel, snr_db, metric, value, ci_low, ci_high, n.
    """
    points = []
    by_scheme = images.groupby("scheme")
    digital: dict[Any, tuple[str, ...]] = {name: digital_metrics(rows) for name, rows in by_scheme}
    for (scheme, channel, snr_db), rows in images.groupby(
        ["scheme", "channel", "snr_db"], sort=False
    ):
        for metric in (*metrics, *digital[scheme]):
            name = {"scheme": scheme, "channel": channel, "snr_db": snr_db, "metric": metric}
            points.append({**name, **point(rows, metric)})
    return pd.DataFrame(points)
