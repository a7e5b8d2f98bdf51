"""A figure from Python, as a template: copy this file and change it.

    python benchmarks/papers/figure.py

The tables and figures of the papers need no script: `simulate figures --list` shows their names,
and `simulate figures fig8` makes one of them, also for other images, channels and SNRs. This
template is for a figure of your own. It has three parts.

1. LINES says what is compared: the label of each line, its scheme, and the settings in which it
   differs from COMMON. A setting is a field of `simulator.spec.RunSpec`. A scheme or a channel of
   your own is named by its import string, e.g. "mypackage.mymodule:make_scheme".
2. `simulate` runs a line and returns its curve, a pandas table with the columns scheme, channel,
   snr_db, metric, value, ci_low, ci_high and n. All lines meet the same images, fading and noise.
   Finished points are kept in OUT, so that a second call only draws.
3. `draw` makes a panel for each metric of PANELS, with the 95 % intervals as error bars.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd

from simulator import simulate

COMMON: dict[str, Any] = {"snr": "-6:8:2", "channel": "rician", "data": "synthetic", "seeds": 1}
LINES: dict[str, dict[str, Any]] = {
    "SemHARQ": {"scheme": "semharq"},
    "SemHARQ with theta_0 = 0 dB": {"scheme": "semharq", "scheme_args": {"theta_0_db": 0}},
    "SemHARQ in one transmission": {"scheme": "semharq", "max_transmissions": 1},
    "no channel": {"scheme": "perfect"},
}
PANELS = {"rank1": "rank-1 (%)", "mAP": "mAP (%)", "transmissions": "transmissions per image"}
OUT = Path("runs/figure")


def make_figure(
    lines: dict[str, dict[str, Any]], common: dict[str, Any], panels: dict[str, str], out: Path
) -> Path:
    """Runs every line and draws them together; returns the file of the figure."""
    curves = {
        label: simulate(**(common | line), out=out / f"line{number}")
        for number, (label, line) in enumerate(lines.items(), 1)
    }
    return draw(curves, panels, out / "figure.png")


def draw(curves: dict[str, pd.DataFrame], panels: dict[str, str], file: Path) -> Path:
    """Draws one panel for each metric, with a line for each curve."""
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels), 4), squeeze=False)
    for axis, (metric, title) in zip(axes[0], panels.items(), strict=True):
        for label, curve in curves.items():
            points = curve[curve["metric"] == metric]
            bars = (points["value"] - points["ci_low"], points["ci_high"] - points["value"])
            axis.errorbar(
                points["snr_db"], points["value"], yerr=bars, capsize=2, marker="o", label=label
            )
        axis.set(xlabel="SNR, average Es/N0 (dB)", title=title)
        axis.grid(alpha=0.3)
    axes[0, 0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=130)
    plt.close(figure)
    return file


if __name__ == "__main__":
    print(make_figure(LINES, COMMON, PANELS, OUT))
