"""The numbers of the two papers, for VeRi-776 and the authors' weights."""

from __future__ import annotations

from importlib.resources import files

import pandas as pd

from simulator.papers.experiments import Experiment


def published_points(experiment: Experiment) -> pd.DataFrame:
    """Returns the published points of an experiment: columns label, snr_db, metric, value.

    Relative gains ("A over B") are left out, because they are not points of a curve. A line whose
    scheme has arguments of its own has no points, because the paper does not show it.
    """
    with (files("simulator.papers") / "published.csv").open(encoding="utf-8") as file:
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
