"""Computation time of channels, relative to that of a SemHARQ sweep, measured in one run.

    OMP_NUM_THREADS=1 python benchmarks/channel_costs.py --images 1500 --out benchmarks/results/channels

For each channel, the script measures the CPU seconds to draw and apply it alone: every image, 8
SNRs, and 4 slots of B(SNR) uses, although most images of a sweep need fewer. For some channels
(--sweeps) it also measures the whole sweep -6:8:2. Both times are divided by that of the sweep over
the default channel, so that the speed of the machine does not matter. The measurements alternate
over several repetitions, and the least time of each counts. Writes costs.csv and prints it as the table
of docs/channels.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from phy.streams import Streams
from simulator.setup.channel import open_channel
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.sweep import run

#: Label -> channel and arguments; the first is the one that the others are compared with.
CHANNELS: dict[str, tuple[str, dict[str, Any]]] = {
    "rician": ("rician", {}),
    "awgn": ("awgn", {}),
    "rician, block": ("rician", {"fading": "block"}),
    "rician, jakes": ("rician", {"fading": "jakes"}),
    "nakagami": ("nakagami", {}),
    "nakagami, jakes": ("nakagami", {"fading": "jakes"}),
    "shadowed": ("shadowed", {}),
    "gilbert-elliott": ("gilbert-elliott", {}),
    "simo, N = 2": ("simo", {}),
    "tdl-c": ("tdl-c", {}),
    "tdl-c, ls": ("tdl-c", {"csi": "ls"}),
    "tdl-c, lmmse": ("tdl-c", {"csi": "lmmse"}),
    "cdl-c": ("cdl-c", {}),
}
#: Those whose sweep is measured as well, the first in any case.
SWEPT = ("rician", "tdl-c", "tdl-c, lmmse", "cdl-c")
SLOTS, BATCH = 4, 256


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of a call."""
    began = time.process_time()
    work()
    return time.process_time() - began


@torch.inference_mode()
def send_all(spec: RunSpec, images: int) -> None:
    """Draws and applies the channel for every image, SNR and slot, as a run does it in batches."""
    channel = open_channel(spec)
    for snr_db in spec.snr_db:
        slot = spec.slot(snr_db)
        x = torch.ones(BATCH, slot.features, dtype=torch.complex64)
        for start in range(0, images, BATCH):
            batch = np.arange(start, min(start + BATCH, images))
            streams, state = Streams(0, f"costs {snr_db}", batch), None
            for index in range(SLOTS):
                rows = streams.rows(np.arange(len(batch)), index)
                h, state = channel.draw(rows.for_role("fading"), x.shape[1], state)
                channel.apply(x[: len(batch)], h, slot.no, rows.for_role("noise"))


def measure(images: int, repeats: int, swept: list[str]) -> pd.DataFrame:
    """The least CPU seconds of `repeats` for each channel, and both ratios; NaN where not swept."""
    base = RunSpec(snr_db=parse_snr("-6:8:2"), images=images, device="cpu")
    specs = {
        name: replace(base, channel=channel, channel_args=tuple(sorted(arguments.items())))
        for name, (channel, arguments) in CHANNELS.items()
    }
    run(prepare(replace(base, snr_db=(8.0,))))  # encoder outputs into the cache, code into memory
    count = len(prepare(base).dataset)
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in specs}
    for _ in range(repeats):
        for name, spec in specs.items():
            alone = cpu_seconds(lambda spec=spec: send_all(spec, count))
            sweep = cpu_seconds(lambda spec=spec: run(prepare(spec))) if name in swept else np.nan
            taken[name].append((sweep, alone))
    rows = [(name, *map(min, zip(*times, strict=True))) for name, times in taken.items()]
    table = pd.DataFrame(rows, columns=["channel", "sweep_s", "channel_s"]).assign(images=count)
    reference = table["sweep_s"].iloc[0]
    table["channel_share"] = table["channel_s"] / reference
    table["sweep_ratio"] = table["sweep_s"] / reference
    return table


def main() -> None:
    """Reads the options, measures, writes and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--sweeps", default=";".join(SWEPT), help="labels, with ; between")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/channels"))
    options = parser.parse_args()
    table = measure(options.images, options.repeats, [*SWEPT[:1], *options.sweeps.split(";")])
    options.out.mkdir(parents=True, exist_ok=True)
    table.round(4).to_csv(options.out / "costs.csv", index=False)
    print("| channel | alone, of the rician sweep | sweep, over the rician sweep |\n|---|---|---|")
    for row in table.itertuples():
        ratio = "" if np.isnan(row.sweep_ratio) else f"{row.sweep_ratio:.2f}"
        print(f"| `{row.channel}` | {row.channel_share:.1%} | {ratio} |")
    print(f"{table['images'].iloc[0]} images, sweep over rician {table['sweep_s'].iloc[0]:.1f} s")


if __name__ == "__main__":
    main()
