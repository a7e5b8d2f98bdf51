"""The gain of feedback if its bits are charged: accuracy against channel uses, with and without.

    python benchmarks/feedback_price.py --out price

Every scheme fills a fixed number of slots from 1 to 16, because theta_0 is never reached. Each
number gives a point: mAP against the channel uses alone, and against `uses_charged`, in which each
feedback bit costs 1 / log2(1 + SNR) uses. Schemes without feedback bits are the reference: feedback
pays off if its bits gain more than the same number of uses for data.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.ticker import ScalarFormatter

from simulator import Engine, simulate

SLOTS = (1, 2, 4, 8, 16)
#: Label -> scheme and its arguments.
LINES = {
    "ik-s-harq": ("ik-s-harq", {}),
    "semharq": ("semharq", {}),
    "semharq-plus, no estimates": ("semharq-plus", {"estimate_bits": 0}),
    "semharq-plus, 1 bit": ("semharq-plus", {}),
    "semharq-plus, 2 bits": ("semharq-plus", {"estimate_bits": 2}),
}
METRICS = ["rank1", "mAP", "channel_uses", "uses_charged"]
NEVER = {"theta_0_db": 60}


def measure(snr: str, seeds: int) -> pd.DataFrame:
    """Columns line, slots, snr_db, and one for each of `METRICS`."""
    parts = []
    for line, (scheme, arguments) in LINES.items():
        for slots in SLOTS:
            curve = simulate(
                scheme,
                snr,
                seeds=seeds,
                max_transmissions=slots,
                scheme_args={**arguments, **NEVER},
                engine=Engine("auto"),
            )
            table = curve[curve["metric"].isin(METRICS)]
            table = table.pivot(index="snr_db", columns="metric", values="value").reset_index()
            parts.append(table.assign(line=line, slots=slots))
            print(f"{line}, {slots} slots", flush=True)
    return pd.concat(parts, ignore_index=True).round(2)


def draw(table: pd.DataFrame, path: Path) -> None:
    """mAP over uses, above as they are, below with the bits charged; a column for each SNR."""
    snrs = sorted(table["snr_db"].unique())
    figure, axes = plt.subplots(
        2, len(snrs), figsize=(3.6 * len(snrs), 6.4), sharey="col", layout="constrained"
    )
    for row, uses in zip(axes, ("channel_uses", "uses_charged"), strict=True):
        for axis, snr_db in zip(row, snrs, strict=True):
            for i, line in enumerate(LINES):
                mine = table[(table["line"] == line) & (table["snr_db"] == snr_db)]
                axis.plot(mine[uses], mine["mAP"], marker="osD^v"[i], markersize=4, label=line)
            axis.set_xscale("log", base=2)
            axis.xaxis.set_major_formatter(ScalarFormatter())
            axis.set(title=f"{snr_db:g} dB", xlabel=uses.replace("_", " "), ylabel="mAP (%)")
            axis.grid(alpha=0.3)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(LINES), fontsize=8)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Measures, and writes price.csv and price.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--snr", default="-6,-2,2,6")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("price"))
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    table = measure(chosen.snr, chosen.seeds)
    table.to_csv(chosen.out / "price.csv", index=False)
    draw(table, chosen.out / "price.png")


if __name__ == "__main__":
    main()
