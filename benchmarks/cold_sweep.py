"""Time of a whole sweep with empty caches: no encoder output and no finished point.

    python -m benchmarks.cold_sweep --scheme jpeg-ldpc-16qam-harq
    python -m benchmarks.cold_sweep --scheme conventional-amc,digital-features --images 300

Runs `simulate --scheme NAME --snr -6:8:2` on the embedded test split in a new process, with an
empty cache and a new directory of results. Prints wall-clock and CPU seconds, workers included.
Compiled LDPC kernels are reused; with `--compile` they are compiled again.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench.other_job import usage_of


def seconds(scheme: str, options: argparse.Namespace) -> tuple[float, float]:
    """(wall-clock, CPU) seconds of one sweep.

    Raises:
        subprocess.CalledProcessError: When the run fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "SEMHARQ_CACHE": str(Path(folder) / "cache")}
        if options.compile:
            environment["NUMBA_CACHE_DIR"] = str(Path(folder) / "numba")
        command = [sys.executable, "-m", "simulator.cli", "--scheme", scheme, "--quiet"]
        command += [f"--snr={options.snr}", "--device", "cpu", "--engine", options.engine]
        command += ["--out", str(Path(folder) / "out")]
        for name in ("images", "weights", "workers"):
            value = getattr(options, name)
            command += [] if value is None else [f"--{name}", str(value)]
        began = time.perf_counter()
        _, used = usage_of(command, environment)
        return time.perf_counter() - began, used


def main() -> None:
    """Prints one row for each scheme."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scheme", default="jpeg-ldpc-16qam-harq")
    parser.add_argument("--snr", default="-6:8:2")
    parser.add_argument("--images", type=int)
    parser.add_argument("--weights")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    print("| scheme | wall-clock / s | CPU / s |\n|---|---|---|")
    for scheme in options.scheme.split(","):
        wall, cpu = seconds(scheme, options)
        print(f"| {scheme} | {wall:.0f} | {cpu:.0f} |", flush=True)


if __name__ == "__main__":
    main()
