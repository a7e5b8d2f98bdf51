"""Runs the semantic and the coded scheme over every channel of the catalog.

    python benchmarks/every_channel.py --images 60 --out benchmarks/results/channels

For each channel X with its default arguments, the script runs

    simulate --scheme semharq,jpeg-ldpc-16qam-harq --channel X --snr -6:8:2 --images 60

Writes curve.csv (the curves of all runs) and rank1.png (a panel for each channel with rank-1, and
with color accuracy, which counts all images and not only queries). Finished runs are read from
their cells (--cells); --draw only draws.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

from simulator import simulate
from simulator.catalog import CHANNELS

SCHEMES = {"semharq": "#2f6f9f", "jpeg-ldpc-16qam-harq": "#c2451e"}
COLUMNS = 6


def run_all(snr: str, images: int, cells: Path) -> pd.DataFrame:
    """The curves of all channels, [points] rows with the columns of curve.csv."""
    curves = []
    for name in CHANNELS:
        began = time.perf_counter()
        curve = simulate(list(SCHEMES), snr, channel=name, images=images, out=cells / name)
        if curve.attrs["failed_cells"]:
            raise RuntimeError(f"{name}: {curve.attrs['failed_cells'][0]}")
        curves.append(curve)
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    return pd.concat(curves, ignore_index=True)


def draw(curve: pd.DataFrame, path: Path) -> None:
    """Rank-1 over the SNR with 95 % intervals, and color accuracy, a panel for each channel."""
    names = list(dict.fromkeys(curve["channel"]))
    rows = -(-(len(names) + 1) // COLUMNS)
    figure, axes = plt.subplots(
        rows, COLUMNS, figsize=(13, 2.3 * rows), sharex=True, sharey=True, layout="constrained"
    )
    for ax, name in zip(axes.flat, names, strict=False):
        for scheme, color in SCHEMES.items():
            mine = curve[(curve["channel"] == name) & (curve["scheme"] == scheme)]
            color = mine[mine["metric"] == "color_accuracy"].sort_values("snr_db")
            points = mine[mine["metric"] == "rank1"].sort_values("snr_db")
            ax.plot(
                points["snr_db"], points["value"], "o-", ms=3, lw=1.3, color=color, label=scheme
            )
            ax.plot(
                *(color["snr_db"], color["value"], "--"), lw=1, color=color, label="  its color"
            )
            ax.fill_between(
                points["snr_db"], points["ci_low"], points["ci_high"], color=color, alpha=0.15, lw=0
            )
        ax.set_title(name, fontsize=10)
        ax.grid(alpha=0.3)
        ax.set_ylim(0, 102)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
    axes.flat[len(names)].legend(*axes.flat[0].get_legend_handles_labels(), loc="center")
    figure.supxlabel("SNR, average Es/N0 per channel use (dB)", fontsize=10)
    figure.supylabel("rank-1, and color accuracy (%)", fontsize=10)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    """Reads the options, runs, writes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--snr", default="-6:8:2")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--draw", action="store_true", help="from the curve.csv that is there")
    parser.add_argument("--cells", type=Path, help="keep the runs here, and go on from them")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/channels"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if not options.draw:
        with tempfile.TemporaryDirectory() as scratch:
            curve = run_all(options.snr, options.images, options.cells or Path(scratch))
        curve.to_csv(options.out / "curve.csv", index=False)
    draw(pd.read_csv(options.out / "curve.csv"), options.out / "rank1.png")


if __name__ == "__main__":
    main()
