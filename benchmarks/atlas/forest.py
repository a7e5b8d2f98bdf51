"""The forest plot: the differences of the papers' comparisons in every reading, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.atlas.comparisons import FOREST, published_differences
from simulator.files import write_whole

#: SNR in dB -> color and marker; blue, orange and green of Okabe and Ito, which all readers tell apart.
STYLES = {-6.0: ("#0072b2", "o"), -2.0: ("#d55e00", "s"), 2.0: ("#009e73", "^")}
#: SNRs at which other data of the papers are drawn.
PAPER_STYLE = {**STYLES, 0.0: ("#000000", "D")}
METRIC_NAMES = {
    "rank1": "rank-1",
    "mAP": "mAP",
    "color_accuracy": "color accuracy",
    "type_accuracy": "type accuracy",
}


def draw_forest(differences: pd.DataFrame, metric: str, path: Path) -> None:
    """Draws a panel for each comparison, and a row for each reading.

    Args:
        differences: Rows of differences.csv.
        metric: An accuracy.
        path: The figure, .png or .pdf.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    table = differences[differences["metric"] == metric]
    readings = list(dict.fromkeys(table["reading"]))
    published = published_differences(metric)
    height = 1.6 + 0.32 * (len(readings) + 1)
    with mpl.rc_context({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False}):
        figure, axes = plt.subplots(1, len(FOREST), figsize=(11, height), sharey=True)
        for ax, comparison in zip(axes, FOREST, strict=True):
            _panel(ax, comparison, table[table["comparison"] == comparison], readings)
            _published(ax, published[published["comparison"] == comparison])
        axes[0].set_yticks(range(-1, len(readings)), ["papers (VeRi-776)", *readings])
        axes[0].set_ylim(len(readings) - 0.4, -1.6)
        trainings = sorted({int(n) for n in table["trainings"]})
        many = " to ".join(str(n) for n in dict.fromkeys((trainings[0], trainings[-1])))
        figure.supxlabel(
            f"difference of {METRIC_NAMES[metric]} in points; 95 % intervals over vehicles and "
            f"{many} trainings; hollow: published",
            fontsize=8,
        )
        _legend(figure, set(published["snr_db"]))
        figure.tight_layout(rect=(0, 0, 1, 1 - 0.35 / height))
        write_whole(path, lambda temporary: figure.savefig(temporary, dpi=150))
        plt.close(figure)


def _panel(ax: Any, comparison: str, table: pd.DataFrame, readings: list[str]) -> None:
    ax.axvline(0, color="0.4", linewidth=0.8)
    for row in range(0, len(readings), 2):
        ax.axhspan(row - 0.5, row + 0.5, color="0.95", zorder=0)
    ax.set_title(comparison, fontsize=9)
    for number, (snr_db, (color, marker)) in enumerate(STYLES.items()):
        here = table[table["snr_db"] == snr_db]
        y = here["reading"].map(readings.index) + 0.25 * (number - 1)
        ax.errorbar(
            here["difference"],
            y,
            xerr=[here["difference"] - here["ci_low"], here["ci_high"] - here["difference"]],
            fmt=marker,
            color=color,
            markersize=3.5,
            elinewidth=1,
            capsize=0,
        )


def _published(ax: Any, published: pd.DataFrame) -> None:
    for row in published.itertuples():
        color, marker = PAPER_STYLE.get(row.snr_db, ("0.5", "D"))
        ax.axvline(row.difference, color=color, linewidth=0.7, linestyle=":", zorder=0)
        ax.plot(row.difference, -1, marker, color=color, markerfacecolor="white", markersize=5)
    ax.axhline(-0.5, color="0.4", linewidth=0.5)


def _legend(figure: Any, published: set[float]) -> None:
    from matplotlib.lines import Line2D

    shown = {**STYLES, **{snr: PAPER_STYLE[snr] for snr in published if snr in PAPER_STYLE}}
    handles = [
        Line2D(
            [], [], linestyle="", marker=marker, color=color, label=f"{snr:g} dB",
            markerfacecolor=color if snr in STYLES else "white",
        )
        for snr, (color, marker) in sorted(shown.items())
    ]  # fmt: skip
    figure.legend(handles=handles, loc="upper center", ncols=len(handles), frameon=False)
