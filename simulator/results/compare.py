"""What one scheme has over another, on common random numbers.

Two runs at one SNR with the same seeds send the same images over the same fading and noise. So
their difference is taken image by image, and what both have in common drops out of its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from semantic.suggest import nearest
from simulator.results.curve import ACCURACIES, COLUMN, METRICS, by_image
from simulator.results.intervals import bootstrap


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes:
        name: Run directory and scheme.
        rows: Its per-image log.
    """

    name: str
    rows: pd.DataFrame


def open_side(text: str) -> Side:
    """The per-image log of "DIR", or of one scheme of it as "DIR:SCHEME".

    Raises:
        ValueError: When it is no finished run, or which scheme is not clear.
    """
    directory, scheme = Path(text), ""
    if not directory.exists() and ":" in text:
        head, _, scheme = text.partition(":")
        directory = Path(head)
    try:
        rows = pd.read_parquet(directory / "images.parquet")
    except OSError as error:
        raise ValueError(f"{directory} is no finished run: {error.strerror or error}") from None
    known = [str(name) for name in rows["scheme"].unique()]
    if not scheme:
        if len(known) > 1:
            raise ValueError(f"{text} has several schemes, give {text}:SCHEME: {', '.join(known)}")
        scheme = known[0]
    if scheme not in known:
        raise ValueError(f"{directory} has no scheme {scheme!r}: {nearest(scheme, known)}")
    return Side(f"{directory}:{scheme}", rows[rows["scheme"] == scheme])


def compare_runs(a: Side, b: Side, metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """A minus B at every SNR that both have.

    Args:
        a: One side.
        b: The other one.
        metrics: Names as in the curve; the four accuracies by default.

    Returns:
        Columns channel, snr_db, metric, a, b, difference, ci_low, ci_high, n.

    Raises:
        ValueError: When they have no point in common, or not the same images and seeds there.
    """
    chosen = tuple(metrics or ACCURACIES)
    for metric in chosen:
        if metric not in METRICS:
            raise ValueError(f"unknown metric {metric!r}: {nearest(metric, METRICS)}")
        for side in (a, b):
            if COLUMN.get(metric, metric) not in side.rows:
                raise ValueError(f"{side.name} was made by a version without {metric!r}: run again")
    keys = ["channel", "snr_db"]
    theirs = dict(list(b.rows.groupby(keys, sort=False)))
    found = []
    for (channel, snr_db), rows in a.rows.groupby(keys, sort=False):
        if (channel, snr_db) not in theirs:
            continue
        others = theirs[channel, snr_db]
        _check_common(a, b, rows, others, snr_db)
        for metric in chosen:
            at = {"channel": channel, "snr_db": snr_db, "metric": metric}
            found.append({**at, **paired_difference(rows, others, metric)})
    if not found:
        raise ValueError(f"{a.name} and {b.name} have no channel and SNR in common")
    return pd.DataFrame(found)


def paired_difference(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> dict[str, float]:
    """The mean of A minus B over images and seeds, and its 95 % interval.

    Args:
        a: Per-image rows of one scheme at one SNR, all seeds.
        b: Those of the other one, with the same images and seeds.
        metric: One of the curve's; accuracies come out in points.

    Returns:
        a, b, difference, ci_low, ci_high (percentile bootstrap over images and seeds), n images.
    """
    keys = [name for name in ("image", "seed") if name in a]
    column = COLUMN.get(metric, metric)
    both = a[[*keys, column]].merge(b[[*keys, column]], on=keys, suffixes=("_a", "_b")).dropna()
    scale = 100.0 if metric in ACCURACIES else 1.0
    if both.empty:
        nan = float("nan")
        return dict(a=nan, b=nan, difference=nan, ci_low=nan, ci_high=nan, n=0)
    ours, theirs = both[f"{column}_a"].astype(float), both[f"{column}_b"].astype(float)
    gain = by_image(both, ours - theirs)
    low, high = bootstrap(gain)
    return {
        "a": scale * float(by_image(both, ours).mean()),
        "b": scale * float(by_image(both, theirs).mean()),
        "difference": scale * float(gain.mean()),
        "ci_low": scale * low,
        "ci_high": scale * high,
        "n": len(gain),
    }


def _check_common(a: Side, b: Side, ours: pd.DataFrame, theirs: pd.DataFrame, snr_db: Any) -> None:
    for what in ("seed", "file"):
        mine, others = (np.unique(rows[what].astype(str)) for rows in (ours, theirs))
        if not np.array_equal(mine, others):
            raise ValueError(
                f"{a.name} and {b.name} do not have the same {what}s at {snr_db:g} dB "
                f"({len(mine)} and {len(others)}): their difference cannot be paired"
            )
