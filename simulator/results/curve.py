"""Points of a curve: means over images with their counts and 95 % intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from simulator.results.intervals import bootstrap, bootstrap_ratio, proportion, wilson

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
    "uses_charged",
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


def point(rows: pd.DataFrame, metric: str) -> dict[str, float]:
    """One metric of one scheme at one SNR.

    The items are images (queries for rank-1 and mAP): several seeds make no more of them, so that
    n never claims more independent images than there are.

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
    items = by_image(rows, values)
    if not len(items):
        return {"value": math.nan, "ci_low": math.nan, "ci_high": math.nan, "n": 0}
    zeros_and_ones = bler or metric in ("rank1", "color_accuracy", "type_accuracy")
    low, high = proportion(items) if zeros_and_ones else bootstrap(items)
    if metric == "mAP" and low == high:  # nothing to resample; an mAP varies less than a proportion
        low, high = wilson(float(items.mean()), len(items))
    scale = 100.0 if metric in ACCURACIES else 1.0
    return {
        "value": scale * float(items.mean()),
        "ci_low": scale * low,
        "ci_high": scale * high,
        "n": len(items),
    }


def by_image(rows: pd.DataFrame, values: pd.Series) -> np.ndarray:
    """Values by image and seed, [images, seeds]; images without a value are left out.

    Where some have one under a part of the seeds only, each has its mean, [images, 1].

    Args:
        rows: Per-image rows of one scheme and SNR, with a column "seed" where there are several.
        values: A number for each of them, NaN for none.
    """
    images, image = np.unique(rows["image"], return_inverse=True)
    seeds, seed = np.unique(
        rows["seed"] if "seed" in rows else [0] * len(rows), return_inverse=True
    )
    items = np.full((len(images), len(seeds)), np.nan)
    items[image, seed] = values.astype(float)
    found: np.ndarray = items[~np.isnan(items).all(1)]
    return np.nanmean(found, axis=1)[:, None] if np.isnan(found).any() else found


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
