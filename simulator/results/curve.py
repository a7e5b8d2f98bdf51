"""Points of a curve: means over images with their counts and 95 % intervals over vehicles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from simulator.results.grouping import Grouping, Items, cost_bounds
from simulator.results.intervals import Vehicles, mean_interval, share_interval

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
    "bandwidth_ratio",
)
METRICS = ACCURACIES + COSTS
#: Of schemes that send information bits; with them `bler_1` ... `bler_G`.
DIGITAL = ("information_bits", "delivered_bits", "goodput", "ebn0_db")
#: Of schemes that deliver images, in a run with --image-quality.
IMAGE_QUALITY = ("psnr_db", "ssim")
#: Metrics that logs of earlier versions do not have.
LATER = ("bandwidth_ratio",)

#: Columns of a curve.
#:
#: value      mean over the images, in percent for accuracies; a mean over seeds and trainings
#: ci_low     lower bound of the 95 % interval over vehicles, seeds and trainings
#: ci_high    upper bound
#: n          images that carry the label (queries for rank-1 and mAP), not images times seeds
#: vehicles   vehicles among them: the number of independent units
#: seeds      seeds of fading and noise; with 1, the interval covers vehicles alone
#: trainings  trainings of the networks; with 1, the interval says nothing of another training
COLUMNS = [
    *("scheme", "channel", "snr_db", "metric", "value", "ci_low", "ci_high", "n"),
    *("vehicles", "seeds", "trainings"),
]

#: The per-image column that each metric is the mean of.
COLUMN = {
    "rank1": "rank1_hit",
    "mAP": "average_precision",
    "color_accuracy": "color_correct",
    "type_accuracy": "type_correct",
}


def point(rows: pd.DataFrame, metric: str, grouping: Grouping | None = None) -> dict[str, float]:
    """One metric of one scheme at one SNR.

    Args:
        rows: Per-image rows of that scheme and SNR, all seeds and trainings.
        metric: One of `METRICS`, or of `digital_metrics`.
        grouping: That of the rows, where it is at hand.

    Returns:
        The columns of a curve from "value" on; NaN with n = 0 where no image carries the label.
    """
    grouping = grouping or Grouping.of(rows)
    if metric == "goodput":
        return _goodput(rows, grouping)
    if metric == "ebn0_db":
        return _ebn0(rows, grouping)
    share = metric in ACCURACIES or metric.startswith("bler_")
    items = grouping.items(_values(rows, metric))
    if not len(items):
        return _row(math.nan, (math.nan, math.nan), items, grouping)
    if share:
        bounds = share_interval(items.sums())
    else:
        bounds = mean_interval(items.sums(), items.spread(*cost_bounds(rows, metric)))
    value = float(items.values.mean())
    # The mean over images and the one over sums per vehicle round differently.
    low, high = np.minimum(bounds[0], value), np.maximum(bounds[1], value)
    scale = 100.0 if metric in ACCURACIES else 1.0
    return _row(scale * value, (scale * float(low), scale * float(high)), items, grouping)


def _row(
    value: float, bounds: tuple[float, float], items: Items, grouping: Grouping
) -> dict[str, float]:
    _, trainings, seeds = grouping.shape
    counts = {"n": len(items), "vehicles": items.vehicles, "seeds": seeds, "trainings": trainings}
    return {"value": value, "ci_low": bounds[0], "ci_high": bounds[1], **counts}


def _values(rows: pd.DataFrame, metric: str) -> pd.Series:
    if metric.startswith("bler_"):
        return _waiting(rows, int(metric[5:]))
    return rows[COLUMN.get(metric, metric)]


def _waiting(rows: pd.DataFrame, transmissions: int) -> pd.Series:
    """1 for images that were not delivered, whole and right, after so many transmissions."""
    whole = rows["delivered_bits"] >= rows["information_bits"]
    late = ~(whole & (rows["transmissions"] <= transmissions))
    return late.astype(float).where(rows["information_bits"] > 0)  # nothing offered, no block


def _goodput(rows: pd.DataFrame, grouping: Grouping) -> dict[str, float]:
    """Delivered bits over channel uses, pilots included: a ratio of sums, in bits per use.

    Its interval is that of a share: of the rate at which every image would arrive whole with its
    first transmission.
    """
    used = rows["channel_uses"] + rows["pilot_uses"]
    sent = rows["transmissions"].clip(lower=1)
    spent = used.groupby(rows["image"]).transform("sum") > 0
    uses = grouping.items(used.where(spent))
    bits = grouping.items(rows["delivered_bits"].where(spent))
    if not len(uses):
        return _row(math.nan, (math.nan, math.nan), uses, grouping)
    total = uses.values.sum()
    ratio = float(bits.values.sum() / total)
    rate = float((rows["information_bits"] * sent / used.where(used > 0)).max())
    if not rate > 0:
        return _row(ratio, (ratio, ratio), uses, grouping)
    bounds = share_interval(Vehicles(bits.sums().sums / rate, uses.sums().sums))
    low, high = (rate * float(bound) for bound in bounds)
    return _row(ratio, (min(low, ratio), max(high, ratio)), uses, grouping)


def _ebn0(rows: pd.DataFrame, grouping: Grouping) -> dict[str, float]:
    """Energy of all transmissions over N0 and information bits: a ratio of sums, in dB.

    Its interval is that of a share, in linear units: of the energy with which every image would use
    all transmissions that are allowed. It begins no lower than with one transmission of each.
    """
    there = (rows["information_bits"] > 0) & (rows["energy"] > 0)
    there = there.groupby(rows["image"]).transform("any")
    energy = grouping.items(rows["energy"].where(there))
    bits = grouping.items(rows["information_bits"].where(there))
    if not len(bits):
        return _row(math.nan, (math.nan, math.nan), bits, grouping)
    each = (rows["energy"] / rows["information_bits"])[there & (rows["energy"] > 0)]
    each /= rows["transmissions"].clip(lower=1)  # of one transmission
    if "retransmissions_allowed" in rows:
        allowed = rows["retransmissions_allowed"] + 1
    else:  # a log of an earlier version
        allowed = rows["transmissions"].clip(lower=1)
    least, most = float(each.min()), float((each * allowed).max())
    bounds = share_interval(Vehicles(energy.sums().sums / most, bits.sums().sums))
    ratio = float(energy.values.sum() / bits.values.sum())
    low, high = (max(least, most * float(bound)) for bound in bounds)
    snr_db = float(rows["snr_db"].iloc[0])
    value, low, high = (
        snr_db + 10 * math.log10(linear) for linear in (ratio, min(low, ratio), max(high, ratio))
    )
    return _row(value, (low, high), bits, grouping)


def quality_metrics(rows: pd.DataFrame) -> tuple[str, ...]:
    """The image-quality metrics of one scheme: none if no received image was compared."""
    return tuple(name for name in IMAGE_QUALITY if name in rows and rows[name].notna().any())


def digital_metrics(rows: pd.DataFrame) -> tuple[str, ...]:
    """The metrics that one scheme has beside `METRICS`: none when it sends no information bits.

    Args:
        rows: All its per-image rows: `bler_j` goes up to the most transmissions among them.
    """
    if "information_bits" not in rows or not (rows["information_bits"] > 0).any():
        return ()
    transmissions = range(1, int(rows["transmissions"].max()) + 1)
    return (*DIGITAL, *(f"bler_{j}" for j in transmissions))


def curve(images: pd.DataFrame, metrics: Sequence[str] = METRICS) -> pd.DataFrame:
    """Computes the tidy curve of a per-image log, with further metrics where they apply.

    Those are the metrics of digital schemes, and of received images that were compared.

    Args:
        images: Per-image rows of all schemes and SNRs.
        metrics: Names of metrics.

    Returns:
        `COLUMNS`.
    """
    points = []
    by_scheme = images.groupby("scheme")
    more: dict[Any, tuple[str, ...]] = {
        name: (*digital_metrics(rows), *quality_metrics(rows)) for name, rows in by_scheme
    }
    known = [
        metric for metric in metrics if metric not in LATER or COLUMN.get(metric, metric) in images
    ]
    for (scheme, channel, snr_db), rows in images.groupby(
        ["scheme", "channel", "snr_db"], sort=False
    ):
        grouping = Grouping.of(rows)
        for metric in (*known, *more[scheme]):
            name = {"scheme": scheme, "channel": channel, "snr_db": snr_db, "metric": metric}
            points.append({**name, **point(rows, metric, grouping)})
    return pd.DataFrame(points, columns=COLUMNS)


def training_note(table: pd.DataFrame) -> str:
    """Says which levels the intervals of a curve or a comparison cover, by its trainings.

    Args:
        table: With columns "seeds" and "trainings".
    """
    seeds, trainings = int(table["seeds"].max()), int(table["trainings"].max())
    words = ["one seed" if seeds == 1 else f"{seeds} seeds"]
    words.append("one training" if trainings == 1 else f"{trainings} trainings")
    levels = ["vehicles", *["seeds"] * (seeds > 1), *["trainings"] * (trainings > 1)]
    only = "" if len(levels) == 3 else " only"
    return f"{', '.join(words)}: intervals cover {', '.join(levels)}{only}"
