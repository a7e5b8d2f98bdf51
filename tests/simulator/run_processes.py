"""Runs by the command line: in a process of their own, to end it or take its disk away, or in this one.

A process of its own is a new one, or a fork of one that has imported the simulator. A new one takes
four seconds for its imports, in which it is ended far more often than in the run itself.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from click.testing import CliRunner, Result

from simulator.cli import main
from simulator.spec import RunSpec
from simulator.sweeps.forkserver import start_forkserver
from simulator.sweeps.store import Store

COMMAND = """
import sys
sys.path[:0] = sys.argv[1].split(":")
from simulator.cli import main
if __name__ == "__main__":
    main(sys.argv[2:])
"""


def command(spec: RunSpec, out: Path, *options: str) -> list[str]:
    """The command line of a run, for a new process."""
    start = [sys.executable, "-c", COMMAND, str(Path(__file__).parent)]
    return [*start, *arguments(spec, out, *options)]


def forked(
    words: list[str],
    terminal: str = os.devnull,
    around: Callable[[], AbstractContextManager[None]] = nullcontext,
    **environment: str,
) -> ForkServerProcess:
    """Starts the command line in a fork of the fork server.

    Args:
        words: What follows `simulate`.
        terminal: The file or terminal that is its standard input, output and error.
        around: Makes the context in which it runs, there.
        environment: Variables of the environment, beside those of this process.
    """
    start_forkserver()
    given = (words, terminal, around, {**os.environ, **environment})
    process = multiprocessing.get_context("forkserver").Process(target=run_command, args=given)
    process.start()
    return process


def run_command(
    words: list[str],
    terminal: str,
    around: Callable[[], AbstractContextManager[None]],
    environment: dict[str, str],
) -> None:
    """Runs the command line; what a new process would have is set up first."""
    os.environ.update(environment)
    os.setsid()
    for stream in (0, 1, 2):
        os.dup2(os.open(terminal, os.O_RDWR | os.O_CREAT | os.O_APPEND), stream)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout, sys.stderr = (os.fdopen(fd, "w", 1, closefd=False) for fd in (1, 2))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["simulate", *words]
    with around():
        main()


def in_this_process(spec: RunSpec, out: Path, *options: str) -> Result:
    """The same run, without the start of a process."""
    return CliRunner().invoke(main, arguments(spec, out, *options), prog_name="simulate")


def arguments(spec: RunSpec, out: Path, *options: str) -> list[str]:
    """The options of a run."""
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
