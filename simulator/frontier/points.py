"""Operating points of schemes, their fronts, and what a front says.

An operating point is a scheme with its settings at one SNR: an accuracy and its price. The front of
a scheme has the points that no other point of this scheme dominates, i.e. none is as accurate at a
lower price. Price is `channel_uses`, or `uses_charged`, which also counts pilots, headers and
feedback.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from simulator.results.curve import ACCURACIES

#: Prices of an operating point, in channel uses per image.
PRICES = ("channel_uses", "uses_charged")
#: Columns of a metric at an operating point, beside the point's own.
VALUES = ("value", "ci_low", "ci_high")
#: Levels of the tables, in channel uses per image.
LEVELS = (15, 30, 60, 120, 250, 500, 1000, 3000, 10_000)
#: Accuracies in percent at which capacity is read: metric -> accuracy.
TARGETS = {"rank1": 80.0, "mAP": 75.0}
#: Scheme without a channel: the ceiling of all others.
CEILING = "perfect"


def operating_points(curve: pd.DataFrame, settings: str) -> pd.DataFrame:
    """Returns the operating points of one run.

    Args:
        curve: curve.csv of the run.
        settings: The settings of the run in words.

    Returns:
        A row per scheme, SNR and accuracy: scheme, settings, snr_db, metric, value, ci_low,
        ci_high, channel_uses, uses_charged, feedback_bits.
    """
    by_metric = curve.pivot(index=["scheme", "snr_db"], columns="metric", values="value")
    prices = by_metric[[*PRICES, "feedback_bits"]].reset_index()
    rows = curve[curve["metric"].isin(ACCURACIES)][["scheme", "snr_db", "metric", *VALUES]]
    found = rows.merge(prices, on=["scheme", "snr_db"]).assign(settings=settings)
    return found[
        ["scheme", "settings", "snr_db", "metric", *VALUES, *PRICES, "feedback_bits"]
    ].reset_index(drop=True)


def front(points: pd.DataFrame, price: str) -> pd.DataFrame:
    """Returns the points that are more accurate than every cheaper one, the cheapest first.

    Points between two of them would need images to be divided between two settings; they are not
    drawn.

    Args:
        points: Operating points of one metric at one SNR.
        price: One of `PRICES`.

    >>> points = pd.DataFrame({"value": [50.0, 40.0, 60.0], "channel_uses": [10, 20, 30]})
    >>> front(points, "channel_uses")["value"].tolist()
    [50.0, 60.0]
    """
    ordered = points.sort_values([price, "value"], ascending=[True, False], kind="stable")
    best = ordered["value"].cummax().shift(fill_value=-1.0)
    return ordered[ordered["value"] > best]


def fronts(points: pd.DataFrame, price: str) -> pd.DataFrame:
    """Returns the fronts of all schemes, for every SNR and metric."""
    groups = points.groupby(["metric", "snr_db", "scheme"], sort=False)
    parts = [front(group, price) for _, group in groups]
    return pd.concat(parts, ignore_index=True) if parts else points.iloc[:0]


def best_at(points: pd.DataFrame, price: str, level: float) -> pd.Series | None:
    """Returns the most accurate point at no more than a price; None if there is none."""
    affordable = points[points[price] <= level]
    return affordable.iloc[int(affordable["value"].argmax())] if len(affordable) else None


def capacity(points: pd.DataFrame, price: str) -> pd.DataFrame:
    """Returns how many images a link carries if the accuracy of each metric's target is wanted.

    Args:
        points: Operating points.
        price: One of `PRICES`.

    Returns:
        A row per metric, SNR and scheme that reaches the target: metric, target, snr_db, scheme,
        uses (the lowest price that reaches it), images_per_s_per_mhz, and mhz_per_1000_images_s.

    >>> point = {"metric": "mAP", "snr_db": 0.0, "scheme": "a", "value": 80.0, "channel_uses": 100.0}
    >>> found = capacity(pd.DataFrame([point]), "channel_uses").iloc[0]
    >>> float(found["images_per_s_per_mhz"]), float(found["mhz_per_1000_images_s"])
    (10000.0, 0.1)
    """
    rows = []
    for metric, target in TARGETS.items():
        good = points[(points["metric"] == metric) & (points["value"] >= target)]
        good = good[good["scheme"] != CEILING]
        for (snr_db, scheme), group in good.groupby(["snr_db", "scheme"], sort=False):
            uses = max(float(group[price].min()), 1e-9)
            about = {"metric": metric, "target": target, "snr_db": snr_db, "scheme": scheme}
            rates = {"images_per_s_per_mhz": 1e6 / uses, "mhz_per_1000_images_s": uses / 1e3}
            rows.append({**about, "uses": uses, **rates})
    names = ["metric", "target", "snr_db", "scheme", "uses", *("images_per_s_per_mhz",)]
    return pd.DataFrame(rows, columns=[*names, "mhz_per_1000_images_s"])


def leads(
    points: pd.DataFrame, price: str, ours: str, levels: Sequence[float] = LEVELS
) -> pd.DataFrame:
    """Compares a scheme with the best other one at each price, SNR and metric.

    Others that feed back more bits per image than the scheme's own best point are left out. The
    half-width of the interval takes both accuracies as independent, which is on the safe side: they
    share images, fading and noise.

    Returns:
        Columns metric, snr_db, price, ours, other, other_value, difference, half_width.
    """
    rows = []
    for (metric, snr_db), group in points.groupby(["metric", "snr_db"], sort=False):
        own = group[group["scheme"] == ours]
        rest = group[~group["scheme"].isin([ours, CEILING])]
        for level in levels:
            mine = best_at(own, price, level)
            if mine is None:
                continue
            other = best_at(
                rest[rest["feedback_bits"] <= mine["feedback_bits"] + 1e-9], price, level
            )
            if other is None:
                continue
            half = [0.5 * (one["ci_high"] - one["ci_low"]) for one in (mine, other)]
            about = {"metric": metric, "snr_db": snr_db, "price": level, "ours": mine["value"]}
            against = {"other": other["scheme"], "other_value": other["value"]}
            difference = mine["value"] - other["value"]
            width = (half[0] ** 2 + half[1] ** 2) ** 0.5
            rows.append({**about, **against, "difference": difference, "half_width": width})
    return pd.DataFrame(rows)
