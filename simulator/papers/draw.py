"""Draws an experiment in the layout of the papers, with the published points as hollow markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simulator.papers.experiments import Experiment
from simulator.results.figures import TITLES, error_bars, save
from simulator.results.line_styles import line_style, matplotlib_style


def draw_experiment(
    name: str,
    experiment: Experiment,
    points: pd.DataFrame,
    published: pd.DataFrame,
    path: Path,
    size: tuple[float, float] | None = None,
) -> None:
    """Draws one panel for each metric.

    Args:
        name: Name and setting of the experiment, for the title.
        experiment: The experiment.
        points: Columns label, snr_db, metric, value, ci_low, ci_high.
        published: Columns label, snr_db, metric, value; may be empty.
        path: File of the figure; its suffix says PNG or PDF.
        size: Width and height in inches; 4.2 inches a panel by default.
    """
    metrics = experiment.metrics
    wide = (1 + 4.2 * len(metrics), 4.4)
    figure = Figure(figsize=size or wide, layout="constrained")
    FigureCanvasAgg(figure)
    for ax, metric in zip(np.ravel(figure.subplots(1, len(metrics))), metrics, strict=True):
        rows = points[points["metric"] == metric]
        if experiment.x == "retransmissions":
            _bars(ax, experiment, rows)
        else:
            _curves(ax, experiment, rows, published[published["metric"] == metric])
        ax.set_title(TITLES[metric], fontsize=10)
        ax.grid(alpha=0.3, axis="y" if experiment.x == "retransmissions" else "both")
        if metric != "transmissions":
            ax.set_ylim(0, 102)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(
        handles, labels, fontsize=8, loc="outside lower center", ncols=min(5, len(labels))
    )
    hollow = "; hollow: the paper, VeRi-776" if len(published) else ""
    figure.suptitle(
        f"{experiment.paper} {name}: {experiment.title}; bars: 95 % intervals{hollow}", fontsize=9
    )
    save(figure, path, dpi=130)


def _curves(ax: Any, experiment: Experiment, rows: pd.DataFrame, published: pd.DataFrame) -> None:
    for i, line in enumerate(experiment.lines):
        mine = rows[rows["label"] == line.label].sort_values("snr_db")
        style = matplotlib_style(i) | {"markersize": 4}
        bars = {"yerr": error_bars(mine), "capsize": 2}
        ax.errorbar(mine["snr_db"], mine["value"], label=line.label, **bars, **style)
        theirs = published[published["label"] == line.label].sort_values("snr_db")
        if len(theirs):
            style |= {"markerfacecolor": "none", "linestyle": ":", "linewidth": 0.8}
            ax.plot(theirs["snr_db"], theirs["value"], label=f"{line.label}, paper", **style)
    ax.set_xlabel("SNR, average Es/N0 (dB)")


def _bars(ax: Any, experiment: Experiment, rows: pd.DataFrame) -> None:
    """Draws a group of bars for each scheme, one bar for each number of retransmissions."""
    counts = sorted({line.changes["max_transmissions"] for line in experiment.lines})
    schemes = list(dict.fromkeys(line.scheme for line in experiment.lines))
    by_label = rows.set_index("label")
    width = 0.8 / len(counts)
    for i, count in enumerate(counts):
        labels = [
            next(
                line.label
                for line in experiment.lines
                if line.scheme == scheme and line.changes["max_transmissions"] == count
            )
            for scheme in schemes
        ]
        mine = by_label.loc[labels]
        place = np.arange(len(schemes)) + (i - (len(counts) - 1) / 2) * width
        ax.bar(
            place,
            mine["value"],
            width,
            color=line_style(i).color,
            yerr=error_bars(mine),
            capsize=2,
            label=f"{count - 1} retransmissions",
        )
    ax.set_xticks(np.arange(len(schemes)), schemes, fontsize=8)


def markdown_table(experiment: Experiment, points: pd.DataFrame, published: pd.DataFrame) -> str:
    """Returns a table with a row per SNR, and a column per line and metric.

    The number of the paper, if there is one, follows in brackets.
    """
    heads = [f"{line.label} {metric}" for line in experiment.lines for metric in experiment.metrics]
    rows = [
        f"# {experiment.title}",
        "",
        "In brackets: the number of the paper, on VeRi-776.",
        "",
        "| SNR dB | " + " | ".join(heads) + " |",
        "|---" * (len(heads) + 1) + "|",
    ]
    key = ["label", "snr_db", "metric"]
    mine, theirs = points.set_index(key)["value"], published.set_index(key)["value"]
    for snr_db in sorted(points["snr_db"].unique()):
        cells = []
        for line in experiment.lines:
            for metric in experiment.metrics:
                at = (line.label, snr_db, metric)
                printed = f" ({theirs[at]:.1f})" if at in theirs.index else ""
                cells.append(f"{mine[at]:.1f}{printed}")
        rows.append(f"| {snr_db:g} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"
