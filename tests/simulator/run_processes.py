"""Runs as processes of their own, for tests that kill them or take their disk away."""

import sys
from pathlib import Path

from simulator.spec import RunSpec
from simulator.sweeps.store import Store

COMMAND = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from simulator.cli import main
if __name__ == "__main__":
    main(sys.argv[2:])
"""


def command(spec: RunSpec, out: Path, *options: str) -> list[str]:
    """The command line of a run, for a process of its own."""
    start = [sys.executable, "-c", COMMAND, str(Path(__file__).parent)]
    return [*start, *arguments(spec, out, *options)]


def arguments(spec: RunSpec, out: Path, *options: str) -> list[str]:
    """What stands behind `simulate` in it."""
    return [
        *("--scheme", ",".join(spec.schemes), "--snr=" + ",".join(map(str, spec.snr_db))),
        *("--channel", spec.channel, "--data", spec.data, "--weights", str(spec.weights)),
        *("--bandwidth-mhz", "4", "--quiet", "--out", str(out), *options),
    ]


def checked_cells(out: Path) -> set[str]:
    """Names of all finished cells, each of which must be whole."""
    store = Store(out)
    names = store.names("*.rows") + store.names("*.block")
    assert all(store.read(name) is not None for name in names)
    return {name for name in names if name.endswith(".rows")}
