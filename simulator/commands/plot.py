"""`simulate plot`: metrics of any runs as a figure for a screen, a paper or slides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from simulator.commands.number_types import WholeRange
from simulator.commands.paths import PATH

if TYPE_CHECKING:
    import pandas as pd


@click.command("plot")
@click.argument("directories", nargs=-1, required=True, type=PATH)
@click.option(
    "--metric",
    default="rank1",
    show_default=True,
    metavar="A[,B...]",
    help="Metrics of curve.csv, a panel for each.",
)
@click.option(
    "--x",
    "axis",
    default="snr",
    show_default=True,
    metavar="snr|COST",
    help="Horizontal axis: snr, channel_uses, uses_charged, transmissions, latency_ms, energy or bandwidth_ratio.",
)
@click.option("--scheme", metavar="A[,B...]", help="Draw only these schemes.")
@click.option("--channel", metavar="LABEL", help="Draw only this channel, as curve.csv names it.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=TEXT",
    help="Text for a scheme, run, channel or metric, repeatable.",
)
@click.option(
    "--published",
    metavar="FIGURE",
    help="Add the published points of a figure of the papers, e.g. fig8.",
)
@click.option(
    "--intervals",
    default="bars",
    show_default=True,
    metavar="bars|bands|none",
    help="How the 95 % intervals are drawn.",
)
@click.option(
    "--log",
    metavar="none|x|y|xy",
    help="Logarithmic axes [x for channel uses, otherwise none].",
)
@click.option(
    "--legend",
    default="auto",
    show_default=True,
    metavar="auto|below|none",
    help="In free room of the only panel, else below (auto); or always below.",
)
@click.option(
    "--style",
    default="plain",
    show_default=True,
    metavar="plain|ieee|slides|FILE.mplstyle",
    help="Fonts and line widths.",
)
@click.option(
    "--columns",
    type=WholeRange(1, 2),
    default=1,
    show_default=True,
    help="Width in columns of the style; of an IEEE paper 3.5 or 7.16 inches.",
)
@click.option("--size", metavar="WIDTHxHEIGHT", help="Size in inches [by --style and --columns].")
@click.option(
    "--out",
    type=PATH,
    required=True,
    metavar="FILE",
    help="PDF, SVG, PNG or EPS file, or a .tex file for pgfplots.",
)
def plot(
    directories: tuple[Path, ...],
    metric: str,
    axis: str,
    scheme: str | None,
    channel: str | None,
    labels: tuple[str, ...],
    published: str | None,
    intervals: str,
    log: str | None,
    legend: str,
    style: str,
    columns: int,
    size: str | None,
    out: Path,
) -> None:
    """Draw metrics of several runs.

    DIRECTORIES are runs, or parents of runs as a sweep makes them. docs/figures.md has examples.
    """
    from simulator.plots.draw import draw
    from simulator.plots.layout import Axis, Layout, log_axes
    from simulator.plots.panels import (
        AXES,
        Choice,
        choose,
        named_twice,
        panels,
        read_curves,
        read_labels,
        unused_labels,
    )
    from simulator.results.figures import parse_size

    inches = None if size is None else parse_size(size)
    layout = Layout(style, columns, inches, intervals, legend)
    curve = read_curves(directories)
    choice = Choice(
        metrics=_names("metric", metric),
        axis=axis,
        schemes=None if scheme is None else _names("scheme", scheme),
        channel=channel,
        labels=read_labels(labels, curve),
        log=log_axes(log, axis),
    )
    curve = choose(curve, choice)
    points = None if published is None else _published(published, choice.metrics, curve, axis)
    found = panels(curve, choice, points)
    for panel in found:
        for label in panel.empty:
            click.echo(f"note: {label} has no point to draw: {panel.title}", err=True)
    for name in unused_labels(curve, choice, points is not None):
        click.echo(f"note: --label {name}: the figure shows no such name", err=True)
    ticks = tuple(sorted(curve["snr_db"].unique())) if axis == "snr" else ()
    title = choice.labels.get(axis, AXES[axis])
    for note in draw(found, Axis(title, ticks, choice.log), layout, out):
        click.echo(f"note: {note}", err=True)
    for directory in named_twice(directories):
        click.echo(f"note: {directory} is given twice, it is drawn once", err=True)
    click.echo(str(out))


def _names(what: str, text: str) -> tuple[str, ...]:
    """Returns the different names of "A,B".

    Raises:
        ValueError: One line, if there are none.
    """
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise ValueError(f"--{what} {text!r} names no {what}")
    return names


def _published(name: str, metrics: Sequence[str], curve: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Returns the published points of a figure for the metrics and schemes that are drawn.

    Raises:
        ValueError: One line, if there are none.
    """
    from semantic.suggest import nearest
    from simulator.papers.experiments import EXPERIMENTS
    from simulator.papers.published import published_points

    if axis != "snr":
        raise ValueError(f"published points are given over the SNR, not over {axis}")
    known = [known for known, experiment in EXPERIMENTS.items() if experiment.published]
    if name not in known:
        raise ValueError(f"unknown published figure {name!r}: {nearest(name, known)}")
    points = published_points(EXPERIMENTS[name])
    found = points[points["metric"].isin(metrics) & points["label"].isin(curve["scheme"])]
    if not len(found):
        there = ", ".join(dict.fromkeys(f"{p.label} {p.metric}" for p in points.itertuples()))
        raise ValueError(f"{name} has no published point of these schemes and metrics: {there}")
    return found
