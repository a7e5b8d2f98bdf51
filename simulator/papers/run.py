"""Runs an experiment and writes its CSV, PNG and PDF, and its table where the paper prints one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from semantic.suggest import nearest
from simulator.files import write_whole
from simulator.papers.draw import draw_experiment, markdown_table
from simulator.papers.experiments import EXPERIMENTS, Experiment, Line, file_name
from simulator.papers.network_figures import NETWORK_FIGURES
from simulator.papers.published import published_points
from simulator.spec import RunSpec

#: Runs a spec and returns its curve.
Run = Callable[[RunSpec], pd.DataFrame]


def choose(names: Iterable[str], paper: str | None) -> dict[str, str]:
    """Returns the names and titles of tables and figures.

    Args:
        names: The wanted ones; empty for all.
        paper: The paper that they must belong to; None for both.

    Raises:
        ValueError: For an unknown name: the nearest one, and all that there are.
    """
    titles = {name: e.title for name, e in EXPERIMENTS.items()}
    titles |= {name: figure.title for name, figure in NETWORK_FIGURES.items()}
    names = tuple(names)
    for name in names:
        if name not in titles:
            near = nearest(name, titles, otherwise="")
            raise ValueError(f"unknown figure {name!r}{near}; figures: {', '.join(titles)}")
    of_paper = {n: e.paper for n, e in EXPERIMENTS.items()} | dict.fromkeys(
        NETWORK_FIGURES, "semharq"
    )
    return {
        name: title
        for name, title in titles.items()
        if (not names or name in names) and paper in (None, of_paper[name])
    }


def spec_of(experiment: Experiment, line: Line, base: RunSpec) -> RunSpec:
    """Returns the run of one line."""
    snr_db = base.snr_db if experiment.snr_db is None else experiment.snr_db
    return replace(base, **{"schemes": (line.scheme,), "snr_db": snr_db, **line.changes})


def run_experiment(
    name: str,
    base: RunSpec,
    out: Path,
    run: Run,
    announce: Callable[[str], None],
    size: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Runs all lines of an experiment and writes name.csv, name.png, name.pdf and maybe name.md.

    The CSV has all metrics of a run. Besides `channel_uses`, it has `feedback_bits`,
    `side_information_bits`, and `uses_charged`, which counts both of them as channel uses.

    Args:
        name: One of `EXPERIMENTS`.
        base: The settings that all lines share: data, channel, SNRs, seeds, weights.
        out: Directory of the files.
        run: Runs a spec and returns its curve.
        announce: Called with a line of text before each run.
        size: Width and height of the figure in inches; None for that of its panels.

    Returns:
        A table with the column label, then those of curve.csv.
    """
    experiment = EXPERIMENTS[name]
    parts = []
    for line in experiment.lines:
        announce(f"  {line.label}")
        parts.append(run(spec_of(experiment, line, base)).assign(label=line.label))
    points = pd.concat(parts, ignore_index=True)
    points = points[["label", *(c for c in points.columns if c != "label")]]
    published, stem = published_points(experiment), file_name(name, base)
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / f"{stem}.csv", lambda path: points.to_csv(path, index=False))
    for suffix in ("png", "pdf"):
        write_whole(
            out / f"{stem}.{suffix}",
            lambda path: draw_experiment(stem, experiment, points, published, path, size),
        )
    if experiment.table:
        text = markdown_table(experiment, points, published)
        write_whole(out / f"{stem}.md", lambda path: path.write_text(text, encoding="utf-8"))
    return points
