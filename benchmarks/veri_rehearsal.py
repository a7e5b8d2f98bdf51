"""Rehearses a study at VeRi-776's size: time and memory of each step, against half the size.

    python -m benchmarks.veri_rehearsal --out rehearsal                  # hours, 1 GB of disk
    python -m benchmarks.veri_rehearsal --out rehearsal --share 0.02     # minutes

Makes two trees in VeRi-776's format with `benchmarks.veri_tree`, the second with half of the images,
and runs each in a process of its own, one thread: reading, encoding, eight SNRs of six schemes,
evaluation, intervals, files, report. Prints seconds of processor time, peak memory, and the growth:
the exponent of the number of images that the two times fit; 1 is linear. Constant costs, such as
imports, make it smaller. Writes rehearsal.csv.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from benchmarks.veri_tree import Size, write_tree
from semantic.data.opening import open_dataset
from semantic.reid import ReidImages, evaluate_reid
from simulator.report.write import Options, write_report
from simulator.results.curve import curve
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.cells import CellRunner
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run

#: A worker of a study has one thread.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
SCHEMES = "semharq,semharq-plus,ik-s-harq,digital-vq,jpeg-ldpc-16qam-harq,perfect"


def rehearse(tree: Path, out: Path, schemes: str, snr: str) -> pd.DataFrame:
    """Runs all steps on a tree, and returns seconds and peak memory of each.

    Args:
        tree: Folder in VeRi-776's format.
        out: Folder of the run.
        schemes: Schemes, separated by commas.
        snr: SNRs in dB as --snr names them.

    Returns:
        Columns `step`, `seconds` of processor time, `peak_mb` of the process so far.
    """
    spec = RunSpec(
        schemes=tuple(schemes.split(",")),
        snr_db=parse_snr(snr),
        data=f"veri:{tree}",
        device="cpu",
    )
    found: list[tuple[str, float, float]] = []
    with _step(found, "names and labels"):
        open_dataset(spec.data)
    with _step(found, "networks and schemes"):
        prepared = prepare(spec)
    with _step(found, "reading and encoding"):
        runner = CellRunner(prepared, _silent)
        s = runner.encoded.features.s
    with _step(found, "evaluation"):
        query, gallery = (_reid_images(runner, s, part) for part in (True, False))
        evaluate_reid(query, gallery)
    with _step(found, f"{len(spec.schemes)} schemes x {len(spec.snr_db)} SNRs"):
        result = run(prepared, out=out)
    with _step(found, "intervals"):
        curve(result.images)
    with _step(found, "files and figure"):
        write_result(result, out)
    with _step(found, "report"):
        write_report(out, None, Options())
    return pd.DataFrame(found, columns=["step", "seconds", "peak_mb"])


@contextmanager
def _step(found: list[tuple[str, float, float]], name: str) -> Iterator[None]:
    began = time.process_time()
    yield
    seconds = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found.append((name, seconds, peak / (2**20 if sys.platform == "darwin" else 2**10)))


def _reid_images(runner: CellRunner, s: torch.Tensor, query: bool) -> ReidImages:
    """Queries or gallery, with s as embedding."""
    images = runner.dataset
    rows = np.flatnonzero(images.is_query == query)
    return ReidImages(
        s[rows], torch.from_numpy(images.vehicle[rows]), torch.from_numpy(images.camera[rows])
    )


def growth(whole: pd.DataFrame, half: pd.DataFrame) -> pd.DataFrame:
    """Returns the steps of the whole tree with those of the half one, and the growth of the time.

    >>> one = pd.DataFrame({"step": ["a"], "seconds": [1.0], "peak_mb": [9.0]})
    >>> growth(one.assign(seconds=2.0), one)["growth"].tolist()
    [1.0]
    """
    both = whole.merge(half, on="step", suffixes=("", "_half"))
    ratio = both["seconds"] / both["seconds_half"].clip(lower=1e-9)
    return both.assign(growth=[round(math.log2(max(r, 1e-9)), 2) for r in ratio])


def compared(out: Path, size: Size, schemes: str, snr: str) -> pd.DataFrame:
    """Makes both trees, rehearses each in a new process and returns their steps side by side.

    Raises:
        subprocess.CalledProcessError: When a step fails.
    """
    half = replace(
        size, train=size.train // 2, gallery=size.gallery // 2, queries=size.queries // 2
    )
    tables = []
    for name, part in (("whole", size), ("half", half)):
        tree = out / name / "VeRi"
        if not (tree / "test_label.xml").exists():  # it is written last
            write_tree(tree, part)
        command = [sys.executable, "-m", "benchmarks.veri_rehearsal", "--tree", str(tree)]
        command += ["--out", str(out / name), "--schemes", schemes, f"--snr={snr}"]
        cache = {"SEMHARQ_CACHE": str(out / name / "cache")}
        subprocess.run(command, env={**os.environ, **ONE_THREAD, **cache}, check=True)
        tables.append(pd.read_csv(out / name / "steps.csv"))
    return growth(*tables)


def _silent(what: str, done: int, total: int) -> None:
    """Shows no progress."""


def main() -> None:
    """Rehearses one tree, or makes two and compares them."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--share", type=float, default=1.0, help="of VeRi-776's images")
    parser.add_argument("--schemes", default=SCHEMES)
    parser.add_argument("--snr", default="-6:8:2")
    parser.add_argument("--tree", type=Path, help="rehearse this tree alone")
    options = parser.parse_args()
    if options.tree is not None:
        table = rehearse(options.tree, options.out / "run", options.schemes, options.snr)
        table.to_csv(options.out / "steps.csv", index=False)
        return
    table = compared(options.out, Size().share(options.share), options.schemes, options.snr)
    table.to_csv(options.out / "rehearsal.csv", index=False)
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main()
