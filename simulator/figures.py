"""Figures of curves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

TITLES = {
    "rank1": "re-identification rank-1 (%)",
    "mAP": "re-identification mAP (%)",
    "color_accuracy": "colour accuracy (%)",
    "type_accuracy": "type accuracy (%)",
    "transmissions": "transmissions per image",
    "channel_uses": "channel uses per image",
}
MARKERS = "osD^vP*X<>"


def draw_curves(curve: pd.DataFrame, path: Path) -> None:
    """Six panels, one for each metric, each scheme a line with its 95 % intervals.

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
        if metric == "channel_uses":  # pictures and features differ by powers of ten
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
    figure.savefig(path, dpi=130)
