"""Figures of curves."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simulator.results.line_styles import matplotlib_style

TITLES = {
    "rank1": "re-identification rank-1 (%)",
    "mAP": "re-identification mAP (%)",
    "color_accuracy": "color accuracy (%)",
    "type_accuracy": "type accuracy (%)",
    "transmissions": "transmissions per image",
    "channel_uses": "channel uses per image",
}
SNR_TITLE = "SNR, average Es/N0 per channel use (dB)"


def draw_curves(curve: pd.DataFrame, path: Path) -> None:
    """Draws six panels, one for each metric, with a line and its 95 % intervals for each scheme.

    Args:
        curve: Tidy points as in curve.csv.
        path: PNG, PDF or SVG by its suffix.
    """
    names = curve["scheme"].unique()
    columns = min(6, max(1, int(10.8 / (0.6 + 0.065 * max(map(len, names))))))  # inches
    above_axes = 0.68 + 0.2 * math.ceil(len(names) / columns)
    height = above_axes + 6.05
    figure = Figure(figsize=(11, height))
    FigureCanvasAgg(figure)
    # Margins are given, in inches: an engine that finds them would draw the figure twice.
    figure.subplots_adjust(left=0.5 / 11, right=1 - 0.1 / 11, bottom=0.5 / height)
    figure.subplots_adjust(top=1 - above_axes / height, wspace=0.15, hspace=0.14)
    axes = figure.subplots(2, 3, sharex=True)
    for ax, metric in zip(axes.flat, TITLES, strict=True):
        _draw_panel(ax, curve[curve["metric"] == metric], metric)
    for ax in axes[1]:
        ax.set_xlabel(SNR_TITLE)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(),
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.3 / height),
        ncols=columns,
        fontsize=8,
        frameon=False,
    )
    channels = ", ".join(dict.fromkeys(curve["channel"]))
    figure.suptitle(f"channel {channels}; bars: 95 % intervals", fontsize=10, y=1 - 0.08 / height)
    save(figure, path, dpi=130)


def _draw_panel(ax: Axes, rows: pd.DataFrame, metric: str) -> None:
    """Draws the lines of one metric, with its title and its axis."""
    for i, (scheme, points) in enumerate(rows.groupby("scheme", sort=False)):
        points = points.sort_values("snr_db")
        ax.errorbar(
            points["snr_db"],
            points["value"],
            yerr=error_bars(points),
            **matplotlib_style(i),
            markersize=4,
            linewidth=1.3,
            capsize=2,
            label=scheme,
        )
    ax.set_title(TITLES[metric], fontsize=10, y=1)
    ax.grid(alpha=0.3)
    if metric == "channel_uses":  # images and features differ by powers of ten
        ax.set_yscale("symlog", linthresh=10)
    elif metric != "transmissions":
        ax.set_ylim(0, 102)
    ticks = sorted(rows["snr_db"].unique())
    if len(ticks) <= 12:
        ax.set_xticks(ticks)


def error_bars(points: pd.DataFrame) -> list[pd.Series]:
    """Returns the lengths of the interval below and above each value, as matplotlib takes them."""
    lengths = points["value"] - points["ci_low"], points["ci_high"] - points["value"]
    return [length.clip(lower=0) for length in lengths]


def save(figure: Figure, path: Path, dpi: float | str = "figure") -> None:
    """Writes a figure; PDF and EPS embed TrueType fonts, as publishers reject Type 3 fonts.

    Args:
        figure: The figure.
        path: PNG, PDF or SVG by its suffix.
        dpi: Dots per inch of a PNG.
    """
    with rc_context({"pdf.fonttype": 42, "ps.fonttype": 42}):
        figure.savefig(path, dpi=dpi)


def parse_size(text: str) -> tuple[float, float]:
    """Returns the width and the height of a figure in inches.

    Raises:
        ValueError: One line, if the text is not WIDTHxHEIGHT or a side is not 1 to 40 inches.

    >>> parse_size("3.5x2.6")
    (3.5, 2.6)
    """
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)x([0-9]{1,3}(?:\.[0-9]{1,6})?)", text)
    if not found:
        raise ValueError(f"size {text!r:.80} {_SIZE}")
    return check_size((float(found[1]), float(found[2])))


_SIZE = "is not allowed, it must be WIDTHxHEIGHT such as 3.5x2.6, each 1 to 40 inches"


def check_size(size: Any) -> tuple[float, float]:
    """Returns the width and the height of a figure in inches.

    Raises:
        ValueError: One line, if they are not two numbers from 1 to 40.

    >>> check_size([3, 2])
    (3.0, 2.0)
    """
    try:
        width, height = map(float, size)
    except (TypeError, ValueError):
        raise ValueError(f"size {size!r:.80} is not allowed, it must be two numbers") from None
    if not (1 <= width <= 40 and 1 <= height <= 40):
        raise ValueError(f"size '{width:g}x{height:g}' {_SIZE}")
    return width, height
