"""Figures of curves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from semantic.suggest import nearest
from simulator.files import write_whole
from simulator.results.curve_file import read_curve

TITLES = {
    "rank1": "re-identification rank-1 (%)",
    "mAP": "re-identification mAP (%)",
    "color_accuracy": "color accuracy (%)",
    "type_accuracy": "type accuracy (%)",
    "transmissions": "transmissions per image",
    "channel_uses": "channel uses per image",
}
MARKERS = "osD^vP*X<>"
AXES = {
    "snr": "SNR, average Es/N0 per channel use (dB)",
    "channel_uses": "channel uses per image",
}


def draw_curves(curve: pd.DataFrame, path: Path) -> None:
    """Draws six panels, one for each metric, with a line and its 95 % intervals for each scheme.

    Args:
        curve: Tidy points as in curve.csv.
        path: PNG, PDF or SVG by its suffix.
    """
    figure = Figure(figsize=(11, 6.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 3, sharex=True)
    for ax, (metric, title) in zip(axes.flat, TITLES.items(), strict=True):
        rows = curve[curve["metric"] == metric]
        for i, (scheme, points) in enumerate(rows.groupby("scheme", sort=False)):
            points = points.sort_values("snr_db")
            below = (points["value"] - points["ci_low"]).clip(lower=0)
            above = (points["ci_high"] - points["value"]).clip(lower=0)
            ax.errorbar(
                points["snr_db"],
                points["value"],
                yerr=[below, above],
                marker=MARKERS[i % len(MARKERS)],
                markersize=4,
                linewidth=1.3,
                capsize=2,
                label=scheme,
            )
        ax.set_title(title, fontsize=10)
        ax.grid(alpha=0.3)
        if metric == "channel_uses":  # images and features differ by powers of ten
            ax.set_yscale("symlog", linthresh=10)
        elif metric != "transmissions":
            ax.set_ylim(0, 102)
        ticks = sorted(rows["snr_db"].unique())
        if len(ticks) <= 12:
            ax.set_xticks(ticks)
    for ax in axes[1]:
        ax.set_xlabel("SNR, average Es/N0 per channel use (dB)")
    axes[0, 0].legend(fontsize=8)
    channels = ", ".join(dict.fromkeys(curve["channel"]))
    figure.suptitle(f"channel {channels}; bars: 95 % intervals", fontsize=10)
    save(figure, path, dpi=130)


def save(figure: Figure, path: Path, dpi: float | str = "figure") -> None:
    """Writes a figure; a PDF embeds TrueType fonts, as publishers reject Type 3 fonts.

    Args:
        figure: The figure.
        path: PNG, PDF or SVG by its suffix.
        dpi: Dots per inch of a PNG.
    """
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(path, dpi=dpi)


def parse_size(text: str) -> tuple[float, float]:
    """Returns the width and the height of a figure in inches.

    Raises:
        ValueError: One line, if the text is not WIDTHxHEIGHT or a side is not 1 to 40 inches.

    >>> parse_size("3.5x2.6")
    (3.5, 2.6)
    """
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)x([0-9]{1,3}(?:\.[0-9]{1,6})?)", text)
    sides = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not all(1 <= side <= 40 for side in sides):
        raise ValueError(
            f"size {text!r:.80} is not allowed, it must be WIDTHxHEIGHT such as 3.5x2.6, each 1 to "
            "40 inches"
        )
    return sides


def draw_runs(
    directories: Sequence[Path],
    metric: str,
    axis: str,
    path: Path,
    schemes: Sequence[str] | None = None,
    channel: str | None = None,
    size: tuple[float, float] = (7, 4.6),
) -> None:
    """Draws one metric of any set of runs on one figure, over SNR or over channel uses per image.

    Args:
        directories: Runs, or parents of runs as a sweep file makes them: each with a curve.csv.
        metric: As in the curve.
        axis: "snr" or "channel_uses".
        path: PNG, PDF or SVG by its suffix.
        schemes: Those to draw; all by default.
        channel: The one to draw, as the curve names it; all by default.
        size: Width and height in inches.

    Raises:
        ValueError: When there is no such run, metric, axis, scheme or channel.
    """
    curve = pd.concat([_curve_of(directory) for directory in directories], ignore_index=True)
    if axis not in AXES:
        raise ValueError(f"unknown x axis {axis!r}: {nearest(axis, AXES)}")
    for column, wanted in (("metric", [metric]), ("scheme", schemes), ("channel", [channel])):
        for name in wanted or ():
            known = [str(value) for value in curve[column].unique()]
            if name is not None and name not in known:
                raise ValueError(f"unknown {column} {name!r}: {nearest(name, known)}")
    if schemes is not None:
        curve = curve[curve["scheme"].isin(schemes)]
    if channel is not None:
        curve = curve[curve["channel"] == channel]
    named = [c for c in ("run", "scheme", "channel") if curve[c].nunique() > 1] or ["scheme"]
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    lines = curve.groupby(["run", "scheme", "channel"], sort=False)
    for i, (key, rows) in enumerate(lines):
        place = dict(zip(("run", "scheme", "channel"), key, strict=True))
        label = ", ".join(str(place[name]) for name in named)
        _draw_line(ax, rows, metric, axis, label, MARKERS[i % len(MARKERS)])
    ax.set_xlabel(AXES[axis])
    ax.set_ylabel(TITLES.get(metric, metric))
    if axis == "channel_uses":
        ax.set_xscale("log")
    ax.grid(alpha=0.3)
    ax.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda whole: save(figure, whole))


def _draw_line(ax: Axes, rows: pd.DataFrame, metric: str, axis: str, label: str, mark: str) -> None:
    """Draws one scheme of one run, with its 95 % intervals."""
    points = rows[rows["metric"] == metric].set_index("snr_db").sort_index()
    points = points[points["n"] > 0]
    x = points.index.to_numpy()
    if axis == "channel_uses":
        uses = rows[rows["metric"] == "channel_uses"].set_index("snr_db")["value"]
        x = uses[points.index].to_numpy()
    spread = [points["value"] - points["ci_low"], points["ci_high"] - points["value"]]
    bars = [side.clip(lower=0) for side in spread]
    style: dict[str, Any] = {"markersize": 4, "linewidth": 1.3, "capsize": 2}
    ax.errorbar(x, points["value"], yerr=bars, marker=mark, label=label, **style)


def _curve_of(directory: Path) -> pd.DataFrame:
    """Reads the curve of a run, or the curves of the runs below a sweep's directory."""
    files = [p for p in sorted(directory.rglob("curve.csv")) if (p.parent / "run.json").exists()]
    if not files:
        raise ValueError(f"{directory} holds no finished run, nor does a directory below it")
    parts = [read_curve(file).assign(run=str(file.parent)) for file in files]
    return pd.concat(parts, ignore_index=True)
