r"""Measures time and size of cells, and computes from them those of a complete study.

    NUMBA_NUM_THREADS=1 python benchmarks/cell_costs.py --schemes semharq,jpeg-ldpc-16qam-harq \
        --images 400 --out costs

Every scheme is simulated twice at every SNR over the same images. The first seed also computes the
payloads, the second reuses them. So the difference is the time that the points of a worker share.
Writes cells.csv (seconds and bytes per image) and plan.csv (the full VeRi-776 study).
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.cells import CellRunner, Point

#: VeRi-776's test split: queries and gallery.
VERI_IMAGES = 1678 + 11579


@dataclass(frozen=True)
class Study:
    """What is to be computed: 13 schemes, 8 SNRs, 10 seeds, 5 channels by default."""

    snrs: int = 8
    seeds: int = 10
    channels: int = 5


def measure(spec: RunSpec) -> pd.DataFrame:
    """Seconds and bytes of every cell of a spec, payloads apart.

    Of processor where networks run on it, as this bears other work on the machine: a cell has one
    thread, so that on an idle machine they are those of the wall, which count for a GPU.
    """
    gpu = spec.device.startswith("cuda")
    clock = time.perf_counter if gpu else time.process_time
    began = clock()
    runner = CellRunner(prepare(spec), lambda what, done, total: None)
    opening = clock() - began
    images = len(runner.kept)
    rows = []
    for scheme in spec.schemes:
        for snr_db in spec.snr_db:
            for seed in (spec.seed, spec.seed + 1):
                (cell,) = runner.cells(Point(scheme, snr_db, seed), images)
                began = clock()
                data = runner.compute(cell)
                seconds = clock() - began
                rows.append((scheme, snr_db, seed, images, seconds, len(data)))
    columns = ["scheme", "snr_db", "seed", "images", "seconds", "bytes"]
    return pd.DataFrame(rows, columns=columns).assign(opening_s=opening)


def per_image(cells: pd.DataFrame, first_seed: int) -> pd.DataFrame:
    """Milliseconds per image of a cell with its payloads at hand, and of the payloads."""
    again = cells[cells["seed"] != first_seed]
    first = cells[(cells["seed"] == first_seed)].groupby("scheme", sort=False).head(1)
    table = again.groupby("scheme", sort=False).agg(
        images=("images", "first"), seconds=("seconds", "mean"), bytes=("bytes", "mean")
    )
    same = again.groupby("scheme", sort=False).head(1).set_index("scheme")["seconds"]
    payload = (first.set_index("scheme")["seconds"] - same).clip(lower=0)
    return pd.DataFrame(
        {
            "cell_ms": 1e3 * table["seconds"] / table["images"],
            "payload_ms": 1e3 * payload / table["images"],
            "row_bytes": table["bytes"] / table["images"],
        }
    )


def plan(costs: pd.DataFrame, study: Study, workers: list[int], opening_s: float) -> pd.DataFrame:
    """Hours and gigabytes of the study over VeRi-776, by number of workers like the measured one."""
    points = study.snrs * study.seeds * study.channels
    rows = []
    for count in workers:
        cells_s = points * VERI_IMAGES * costs["cell_ms"].sum() / 1e3 / count
        # Each worker meets every scheme of every channel sooner or later, and encodes for itself.
        payload_s = study.channels * VERI_IMAGES * costs["payload_ms"].sum() / 1e3
        hours = (cells_s + payload_s + study.channels * opening_s) / 3600
        size = points * VERI_IMAGES * costs["row_bytes"].sum() / 1e9
        rows.append((count, points * len(costs), hours, payload_s / 3600, size))
    columns = ["workers", "points", "hours", "of_which_payload_hours", "gigabytes"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    """Reads the options, measures, writes and prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--schemes", default="semharq,jpeg-ldpc-16qam-harq,perfect")
    parser.add_argument("--snr", default="-6:8:7")
    parser.add_argument("--data", default="synthetic")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", default="1,8,1024", help="numbers to plan for")
    parser.add_argument("--out", type=Path, default=Path("costs"))
    options = parser.parse_args()
    spec = RunSpec(
        schemes=tuple(options.schemes.split(",")),
        snr_db=parse_snr(options.snr),
        data=options.data,
        images=options.images,
        device=options.device,
    )
    cells = measure(spec)
    costs = per_image(cells, spec.seed)
    workers = [int(count) for count in options.workers.split(",")]
    table = plan(costs, Study(), workers, float(cells["opening_s"].iloc[0]))
    options.out.mkdir(parents=True, exist_ok=True)
    cells.to_csv(options.out / "cells.csv", index=False)
    table.to_csv(options.out / "plan.csv", index=False)
    print(costs.round(2).to_string())
    print(table.round(2).to_string(index=False))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"opening {cells['opening_s'].iloc[0]:.1f} s, peak memory {peak:.1f} GB")


if __name__ == "__main__":
    main()
