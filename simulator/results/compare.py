"""Differences between two schemes on common random numbers.

Two runs at one SNR with the same seeds send the same images over the same fading and noise. The
difference is therefore taken image by image, and everything that both schemes share drops out of
its interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from semantic.suggest import nearest
from simulator.results.curve import (
    ACCURACIES,
    COLUMN,
    IMAGE_QUALITY,
    METRICS,
    training_note,
)
from simulator.results.finished_run import no_run, read_rows
from simulator.results.grouping import Grouping, cost_bounds
from simulator.results.intervals import CONFIDENCE, mean_interval
from simulator.results.significance import holm, p_value

#: Columns of a comparison.
#:
#: a, b           the means of both sides, in percent for accuracies
#: difference     a - b, over images, seeds and trainings
#: ci_low         lower bound of its 95 % interval over vehicles, seeds and trainings
#: ci_high        upper bound
#: n, vehicles, seeds, trainings   as in a curve
#: p_value        of "the difference is 0", this comparison taken alone
#: p_holm         the same, adjusted for the number of comparisons in the table (Holm)
#: comparisons    that number
#: mark           "*" where the 95 % interval is clear of 0, "**" where p_holm is below 5 % too
COLUMNS = [
    *("channel", "snr_db", "metric", "a", "b", "difference", "ci_low", "ci_high"),
    *("n", "vehicles", "seeds", "trainings", "p_value", "p_holm", "comparisons", "mark"),
]

#: Columns that every run writes since the first release.
NEEDED = ("scheme", "channel", "snr_db", "seed", "image")


@dataclass(frozen=True)
class Side:
    """One of the two schemes that are compared.

    Attributes:
        name: Run directory and scheme.
        rows: Its per-image log.
    """

    name: str
    rows: pd.DataFrame


def open_side(text: str) -> Side:
    """Reads the per-image log of "DIR", or of one scheme of it as "DIR:SCHEME".

    Raises:
        ValueError: When the directory holds no finished run, or several schemes and none is named.
    """
    directory, scheme = Path(text), ""
    there = False
    with suppress(OSError):  # a path that is too long
        there = directory.exists()
    if ":" in text and not there:
        head, _, scheme = text.partition(":")
        directory = Path(head)
    try:
        rows = read_rows(directory)
    except OSError as error:
        raise ValueError(no_run(directory, error)) from None
    missing = [name for name in NEEDED if name not in rows]
    if missing:
        raise ValueError(f"{directory}/images.parquet has no column {missing[0]!r}: run again")
    known = [str(name) for name in rows["scheme"].unique()]
    if not known:
        raise ValueError(f"{directory}/images.parquet has no rows: run again")
    if not scheme:
        if len(known) > 1:
            raise ValueError(f"{text} has several schemes, give {text}:SCHEME: {', '.join(known)}")
        scheme = known[0]
    if scheme not in known:
        raise ValueError(f"{directory} has no scheme {scheme!r}: {nearest(scheme, known)}")
    return Side(f"{directory}:{scheme}", rows[rows["scheme"] == scheme])


def compare_runs(a: Side, b: Side, metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Compares A with B at every SNR that both have.

    Args:
        a: One side.
        b: The other one.
        metrics: Names as in the curve; the four accuracies by default.

    Returns:
        `COLUMNS`, a row for each channel, SNR and metric.

    Raises:
        ValueError: When they have no point in common, or not the same images and seeds there.
    """
    chosen = tuple(dict.fromkeys(metrics or ACCURACIES))
    for metric in chosen:
        if metric not in (*METRICS, *IMAGE_QUALITY):
            hint = nearest(metric, (*METRICS, *IMAGE_QUALITY))
            raise ValueError(f"unknown metric {metric!r}: {hint}")
        for side in (a, b):
            if COLUMN.get(metric, metric) not in side.rows:
                raise ValueError(f"{side.name} was made by a version without {metric!r}: run again")
            if metrics and side.rows[COLUMN.get(metric, metric)].isna().all():
                raise ValueError(f"{side.name} has no values of {metric!r}{_how(metric)}")
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
    return _marked(pd.DataFrame(found))


def _how(metric: str) -> str:
    return ": run with --image-quality" if metric in IMAGE_QUALITY else ""


def explanation(table: pd.DataFrame) -> str:
    """Says what the marks of a comparison mean, and among how many comparisons they stand."""
    count = int(table["comparisons"].max())
    plain, adjusted = (int(table["mark"].isin(marks).sum()) for marks in (("*", "**"), ("**",)))
    return (
        f"{count} comparisons, {plain} with a 95 % interval clear of 0 (*), "
        f"{adjusted} of them after Holm's adjustment for {count} (**); "
        f"{training_note(table)}"
    )


def paired_difference(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> dict[str, float]:
    """Computes the mean of A minus B over images and seeds, with its 95 % interval.

    Args:
        a: Per-image rows of one scheme at one SNR, all seeds and trainings.
        b: Those of the other one, with the same images and seeds.
        metric: One of the curve's; the result of accuracies is in percentage points.

    Returns:
        a, b, difference, ci_low, ci_high, n, vehicles, seeds, trainings and p_value.
    """
    keys = [name for name in ("image", "seed", "training", "vehicle") if name in a and name in b]
    column = COLUMN.get(metric, metric)
    both = a[[*keys, column]].merge(b[[*keys, column]], on=keys, suffixes=("_a", "_b")).dropna()
    if both.empty:
        nan = float("nan")
        counts = dict(n=0, vehicles=0, seeds=0, trainings=0)
        return dict(a=nan, b=nan, difference=nan, ci_low=nan, ci_high=nan, **counts, p_value=nan)
    grouping = Grouping.of(both)
    ours, theirs = both[f"{column}_a"].astype(float), both[f"{column}_b"].astype(float)
    gain = grouping.items(ours - theirs)
    share = metric in ACCURACIES
    bounds = (-1.0, 1.0) if share else _difference_bounds(a, b, metric)
    values, spread = gain.sums(), gain.spread(*bounds)
    low, high = mean_interval(values, spread)
    scale = 100.0 if share else 1.0
    _, trainings, seeds = grouping.shape
    return {
        "a": scale * float(grouping.items(ours).values.mean()),
        "b": scale * float(grouping.items(theirs).values.mean()),
        "difference": scale * float(gain.values.mean()),
        "ci_low": scale * float(low),
        "ci_high": scale * float(high),
        "n": len(gain),
        "vehicles": gain.vehicles,
        "seeds": seeds,
        "trainings": trainings,
        "p_value": p_value(values, spread),
    }


def _difference_bounds(
    a: pd.DataFrame, b: pd.DataFrame, metric: str
) -> tuple[float, float] | tuple[None, None]:
    """The least and the largest difference of a cost that an image could have had."""
    sides = [(rows[metric], cost_bounds(rows, metric)) for rows in (a, b)]
    if all(least is None for _, (least, _) in sides):
        return None, None  # both are fixed by construction
    (low, high), (low_b, high_b) = (
        (
            float(costs.min()) if least is None else least,
            float(costs.max()) if most is None else most,
        )
        for costs, (least, most) in sides
    )
    return low - high_b, high - low_b


def _marked(table: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with their number, Holm's adjusted p-values and marks."""
    adjusted = holm(table["p_value"].to_numpy(float))
    clear = (table["ci_low"] > 0) | (table["ci_high"] < 0)
    mark = np.where(clear, np.where(adjusted < 1 - CONFIDENCE, "**", "*"), "")
    count = int(table["p_value"].notna().sum())
    return table.assign(p_holm=adjusted, comparisons=count, mark=mark)[COLUMNS]


def _check_common(a: Side, b: Side, ours: pd.DataFrame, theirs: pd.DataFrame, snr_db: Any) -> None:
    for what in ("seed", "file", "training"):
        if what not in ours or what not in theirs:
            continue
        mine, others = (np.unique(rows[what].astype(str)) for rows in (ours, theirs))
        if not np.array_equal(mine, others):
            raise ValueError(
                f"{a.name} and {b.name} do not have the same {what}s at {snr_db:g} dB "
                f"({len(mine)} and {len(others)}): their difference cannot be paired"
            )
    for what, hint in (
        (
            "file",
            "the order of the labels has changed, and with it the fading and noise of an image",
        ),
        ("vehicle", "the labels have changed"),
    ):
        if what not in ours or what not in theirs:
            continue
        left, right = (rows[["image", what]].drop_duplicates() for rows in (ours, theirs))
        if len(left.merge(right)) != max(len(left), len(right)):
            raise ValueError(
                f"{a.name} and {b.name} have other {what}s under the same image numbers at "
                f"{snr_db:g} dB: {hint}; their difference cannot be paired"
            )
