"""Memory of a run over its number of cells, which are small: an AWGN channel, one block of images.

    for n in 100 1000 10000; do python benchmarks/many_cells.py --cells $n; done

Prints cells, seconds, and the peak memory of the process in MB.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run

POINTS_PER_SEED = 10


def main() -> None:
    """Runs `perfect` over a handful of images at ten SNRs with as many seeds as it takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, default=10000)
    parser.add_argument("--images", type=int, default=8)
    options = parser.parse_args()
    spec = RunSpec(
        schemes=("perfect",),
        snr_db=tuple(float(snr_db) for snr_db in range(POINTS_PER_SEED)),
        seeds=-(-options.cells // POINTS_PER_SEED),
        channel="awgn",
        images=options.images,
    )
    with tempfile.TemporaryDirectory() as out:
        began = time.perf_counter()
        result = run(prepare(spec), out=Path(out))
        write_result(result, Path(out))
        seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"{len(result.names)} cells, {seconds:.1f} s, peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
