"""The numbers that the two papers print, on VeRi-776 with their own weights."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

from simulator.papers.experiments import Experiment


def published_points(experiment: Experiment) -> pd.DataFrame:
    """Columns label, snr_db, metric, value: the printed points that belong to the experiment.

    Relative gains ("A over B") are left out: they are no points of a curve. A line whose scheme has
    other arguments than usual shows none: it is not what the paper printed.
    """
    with (files("simulator.papers") / "published.csv").open() as file:
        numbers = pd.read_csv(file)
    parts = []
    for line in (line for line in experiment.lines if "scheme_args" not in line.changes):
        for source, name in experiment.published:
            here = (numbers["source"] == source) & (numbers["experiment"] == name)
            rows = numbers[here & (numbers["scheme"] == line.scheme)]
            rows = rows[rows["metric"].isin(experiment.metrics)]
            parts.append(rows.assign(label=line.label))
    if not parts:
        return pd.DataFrame(columns=["label", "snr_db", "metric", "value"])
    points = pd.concat(parts, ignore_index=True).drop_duplicates(["label", "snr_db", "metric"])
    return points[["label", "snr_db", "metric", "value"]]
