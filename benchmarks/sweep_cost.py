"""Overhead of a sweep: more points, the handling of cells, and two workers.

    python benchmarks/sweep_cost.py points        # 8 SNRs against 1, with an empty and a full cache of encoder outputs
    python benchmarks/sweep_cost.py machinery     # time of each part of a run
    python benchmarks/sweep_cost.py workers       # 2 workers against 1: on a machine with 2 idle cores

Prints a table row for each measurement and its ratio. CPU seconds depend less than wall seconds on
other work on the machine. The speed-up of workers is in wall seconds, and needs idle cores.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps import sweep
from simulator.sweeps.cells import CellRunner
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run

ONE, EIGHT = "1", "-6:8:2"


class Cost(NamedTuple):
    """Seconds of wall and of processor."""

    wall_s: float
    cpu_s: float


def command(scheme: str, snr: str, images: list[str], cache: str, *options: str) -> Cost:
    """A whole command in a process of its own, imports included."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [
                *(sys.executable, "-m", "simulator.cli", "--scheme", scheme, f"--snr={snr}"),
                *("--quiet", "--out", out, *images, *options),
            ],
            env={**os.environ, "SEMHARQ_CACHE": cache},
            check=True,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - began, cpu)


def show(what: str, cost: Cost) -> None:
    """One row."""
    print(f"| {what} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} |", flush=True)


def points(images: list[str]) -> None:
    """SemHARQ at eight SNRs against one, with an empty cache of encoder outputs and a full one."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as eight:
        for state in ("cold", "warm"):
            few = command("semharq", ONE, images, one, "--engine", "inline")
            show(f"semharq, 1 SNR, {state}", few)
            many = command("semharq", EIGHT, images, eight, "--engine", "inline")
            show(f"semharq, 8 SNRs, {state}", many)
            print(f"8 SNRs over 1, {state}: {many.cpu_s / few.cpu_s:.2f} times the processor time")


def machinery(images: int | None, scheme: str) -> None:
    """Seconds of processor of a run by what they go to; its machinery is what is left over.

    The cells' own work, the statistics (curve and intervals), the files and the figure would be
    there without any cells; hashes, checks, the store and its files would not.
    """
    spent = {"cells": 0.0, "statistics": 0.0, "files and figure": 0.0}

    def timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.process_time()
            found = function(*arguments)
            spent[what] += time.process_time() - began
            return found

        return call

    prepared = prepare(RunSpec(schemes=(scheme,), snr_db=parse_snr(EIGHT), images=images))
    CellRunner(
        prepared, lambda what, done, total: None
    )  # the encoder's outputs are in the cache now
    with (
        tempfile.TemporaryDirectory() as out,
        mock.patch.object(CellRunner, "compute", timed("cells", CellRunner.compute)),
        mock.patch.object(sweep, "stored_curve", timed("statistics", sweep.stored_curve)),
    ):
        began = time.process_time()
        result = run(prepared, out=Path(out))
        timed("files and figure", write_result)(result, Path(out))
        whole = time.process_time() - began
    spent["machinery"] = whole - sum(spent.values())
    print(f"| {scheme}, 8 cells | processor s | share |\n|---|---|---|")
    for what, seconds in spent.items():
        print(f"| {what} | {seconds:.2f} | {100 * seconds / whole:.1f} % |")


def workers(images: list[str], scheme: str) -> None:
    """Two processes of one thread against one; both pay for the fork server.

    Each number of workers begins with an empty cache of its own, and then finds it full.
    """
    os.environ |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    costs = {}
    for count in (1, 2):
        with tempfile.TemporaryDirectory() as cache:
            for state in ("empty", "full"):
                options = ("--engine", "local", "--workers", str(count))
                costs[state, count] = command(scheme, EIGHT, images, cache, *options)
                show(f"{scheme}, 8 SNRs, {count} workers, cache {state}", costs[state, count])
    for state in ("empty", "full"):
        ratio = costs[state, 1].wall_s / costs[state, 2].wall_s
        print(f"2 workers are {ratio:.2f} times as fast as 1 with the cache {state}")


def main() -> None:
    """Reads the options and measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["points", "machinery", "workers"])
    parser.add_argument("--images", type=int, help="of the embedded test split [all]")
    parser.add_argument(
        "--scheme", help="[semharq for machinery, jpeg-ldpc-16qam-harq for workers]"
    )
    options = parser.parse_args()
    images = [] if options.images is None else ["--images", str(options.images)]
    if options.what == "machinery":
        machinery(options.images, options.scheme or "semharq")
        return
    print("| | wall s | processor s |\n|---|---|---|")
    if options.what == "points":
        points(images)
    else:
        workers(images, options.scheme or "jpeg-ldpc-16qam-harq")


if __name__ == "__main__":
    main()
