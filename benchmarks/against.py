"""Processor time of this checkout over that of an earlier commit, measured in turn.

    python benchmarks/against.py cell ff8adad --scheme semharq --images 1000 --weights earlier
    python benchmarks/against.py sweep ff8adad --scheme jpeg-ldpc-16qam-harq --images 300

`cell`: the points at -6, 0 and 6 dB with payloads encoded before, per image and point.
`sweep`: a whole command over -6 to 8 dB with an empty cache, in one process of one thread; kernels
that are compiled already are reused. With `--weights earlier` both use the embedded weights of the
earlier commit: those of ff8adad have 1 000 training identities, today's 2 777, and the layer of the
identities takes more products than the rest of the tasks.

The commit is checked out in a temporary folder. Both run in turn, so that other work on the machine
meets both alike; the least time of each counts. Every process runs the code of its own checkout.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parents[1]
#: Runs in either checkout: the names of two modules and of one class have changed since ff8adad.
CELL = """
import sys, time
try:
    from simulator.setup.prepare import prepare
except ImportError:
    from simulator.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps import cells as module
Runner = getattr(module, "CellRunner", None) or module.Bench
snrs = (-6.0, 0.0, 6.0)
spec = dict(schemes=(sys.argv[1],), snr_db=snrs, device="cpu", images=int(sys.argv[2]))
spec = RunSpec(**spec, **({"weights": sys.argv[3]} if sys.argv[3] else {}))
runner = Runner(prepare(spec), lambda *_: None)
cells = [runner.cells(module.Point(sys.argv[1], snr_db, 0), 1 << 20)[0] for snr_db in snrs]
found = []
for _ in range(4):
    began = time.process_time()
    for cell in cells:
        runner.compute(cell)
    found.append(time.process_time() - began)
print(min(found[1:]) / len(snrs) / len(runner.kept))
"""


def cell(tree: Path, scheme: str, images: int, weights: str) -> float:
    """Returns the processor seconds of an image at a point."""
    command = [sys.executable, "-c", CELL, scheme, str(images), weights]
    done = subprocess.run(command, env=_of(tree), cwd=tree, check=True, stdout=subprocess.PIPE)
    return float(done.stdout.split()[-1])


def sweep(tree: Path, scheme: str, images: int, weights: str) -> float:
    """Returns the processor seconds of a whole command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "simulator.cli", "--scheme", scheme, "--snr=-6:8:2"]
        command += ["--images", str(images), "--quiet", "--device", "cpu", "--engine", "inline"]
        command += ["--out", str(Path(folder) / "out")]
        command += ["--weights", weights] if weights else []
        cache = {"SEMHARQ_CACHE": str(Path(folder) / "cache")}
        subprocess.run(command, env=_of(tree) | cache, cwd=tree, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _of(tree: Path) -> dict[str, str]:
    one = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    return {**os.environ, **one, "PYTHONPATH": str(tree)}


MEASURES: dict[str, Callable[[Path, str, int, str], float]] = {"cell": cell, "sweep": sweep}


def main() -> None:
    """Measures both checkouts in turn and prints their least times and the ratio."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("what", choices=[*MEASURES])
    parser.add_argument("commit")
    parser.add_argument("--scheme", default="semharq")
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--weights", choices=["own", "earlier"], default="own")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    measure = MEASURES[options.what]
    with tempfile.TemporaryDirectory() as folder:
        earlier = Path(folder) / "earlier"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", earlier, options.commit], check=True)
        try:
            old = str(earlier / "semantic" / "pretrained")
            weights = old if options.weights == "earlier" else ""
            found: dict[Path, list[float]] = {earlier: [], HERE: []}
            for number in range(options.rounds + 1):  # the first round compiles
                for tree, times in found.items():
                    seconds = measure(tree, options.scheme, options.images, weights)
                    times += [seconds] if number else []
        finally:
            subprocess.run([*git, "remove", "--force", earlier], check=True)
    before, now = min(found[earlier]), min(found[HERE])
    print(f"| {options.scheme}, {options.images} images | {options.commit} | now | ratio |")
    print(
        f"|---|---|---|---|\n| {options.what} | {before:.3g} s | {now:.3g} s | {now / before:.3f} |"
    )


if __name__ == "__main__":
    main()
