"""The figures of the frontier: accuracy against price, and the capacity of a link."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from simulator.frontier.points import CEILING, TARGETS, capacity, front
from simulator.frontier.tables import PRICE_NAMES
from simulator.results.figures import SNR_TITLE, TITLES, save
from simulator.results.line_styles import matplotlib_style

#: Range of the horizontal axis, in channel uses per image.
RANGE = (10, 12_000)


def draw_frontier(
    points: pd.DataFrame, lines: pd.DataFrame, metric: str, price: str, path: Path
) -> None:
    """Draws one panel for each SNR: all points, and the front of each scheme as a line.

    Args:
        points: Operating points of all schemes.
        lines: Reference lines; may be empty.
        metric: Accuracy on the vertical axis.
        price: Price on the horizontal axis.
        path: File of the figure; its suffix says PNG or PDF.
    """
    points = points[points["metric"] == metric]
    snrs = sorted(points["snr_db"].unique())
    figure = Figure(figsize=(1.5 + 4 * len(snrs), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.ravel(figure.subplots(1, len(snrs), sharey=True, squeeze=False))
    for ax, snr_db in zip(axes, snrs, strict=True):
        _panel(ax, points[points["snr_db"] == snr_db], price, _schemes(points))
        if len(lines):
            own = lines[lines["snr_db"] == snr_db].groupby("line", sort=False)
            for dash, (name, rows) in zip(("--", ":"), own, strict=False):
                ax.plot(rows["uses"], rows[metric], dash, color="gray", label=name)
        ax.set_title(f"{snr_db:g} dB", fontsize=10)
        ax.set_xlabel(f"{PRICE_NAMES[price]} per image", fontsize=9)
        ax.set_xscale("log")
        ax.set_xlim(*RANGE)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel(TITLES[metric])
    _finish(figure, axes, "accuracy against price; lines: the best settings of each scheme", path)


def _schemes(points: pd.DataFrame) -> list[str]:
    return [name for name in dict.fromkeys(points["scheme"]) if name != CEILING]


def _panel(ax: Any, points: pd.DataFrame, price: str, schemes: list[str]) -> None:
    for number, scheme in enumerate(schemes):
        own = points[points["scheme"] == scheme]
        style, best = matplotlib_style(number), front(own, price)
        dot = {key: style[key] for key in ("color", "marker")}
        ax.scatter(own[price], own["value"], s=8, alpha=0.3, **dot)
        ax.step(best[price], best["value"], where="post", markersize=4, label=scheme, **style)
    ceiling = points[points["scheme"] == CEILING]
    if len(ceiling):
        ax.axhline(ceiling["value"].max(), color="black", linewidth=0.8, label="without a channel")


def draw_capacity(points: pd.DataFrame, price: str, path: Path) -> None:
    """Draws images per second and MHz over SNR, and the MHz of 1 000 images per second.

    Args:
        points: Operating points of all schemes.
        price: Price that an image pays.
        path: File of the figure.
    """
    found, schemes = capacity(points, price), _schemes(points)
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.ravel(figure.subplots(1, len(TARGETS), sharey=True))
    for ax, (metric, target) in zip(axes, TARGETS.items(), strict=True):
        for number, scheme in enumerate(schemes):
            rows = found[(found["metric"] == metric) & (found["scheme"] == scheme)]
            rows = rows.sort_values("snr_db")
            rate = rows["images_per_s_per_mhz"]
            ax.plot(rows["snr_db"], rate, label=scheme, **matplotlib_style(number))
        if not (found["metric"] == metric).any():
            ax.text(0.5, 0.5, "no scheme reaches it", ha="center", transform=ax.transAxes)
            ax.set_xticks([])
        ax.set_title(f"at {target:g} % {metric}", fontsize=10)
        ax.set_xlabel(SNR_TITLE, fontsize=9)
        ax.set_yscale("log")
        ax.grid(alpha=0.3, which="both")
        right = ax.secondary_yaxis("right", functions=(_bandwidth, _bandwidth))
        right.set_ylabel("MHz for 1 000 images per second")
    axes[0].set_ylabel("images per second and MHz")
    _finish(figure, axes, f"capacity of a link, price: {PRICE_NAMES[price]}", path)


def _bandwidth(rate: Any) -> Any:
    """Returns the MHz of 1 000 images/s from images/s per MHz, and the other way round.

    >>> float(_bandwidth(500.0))
    2.0
    """
    return 1e3 / np.maximum(rate, 1e-9)


def _finish(figure: Figure, axes: Any, title: str, path: Path) -> None:
    """Adds one legend below all panels, and saves."""
    entries = {
        label: h for ax in axes for h, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    if entries:
        figure.legend(
            entries.values(), entries.keys(), fontsize=8, loc="outside lower center", ncols=5
        )
    figure.suptitle(title, fontsize=10)
    save(figure, path, dpi=130)
