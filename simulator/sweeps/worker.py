"""A worker computes one cell at a time within a time limit, and returns errors as values."""

from __future__ import annotations

import faulthandler
import json
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import numba
import torch

from semantic.parts.errors import full_text, message, place
from semantic.parts.files import file_hashes
from simulator.environment import unmoved
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import Cell, CellRunner
from simulator.sweeps.late_reads import late_reads
from simulator.sweeps.tied import end_with_parent, start_method

#: Seconds after the time limit of a cell at which a worker that still computes it is ended.
GRACE_S = 5.0

Value = TypeVar("Value")


@dataclass(frozen=True)
class Failure:
    """A cell without a result.

    Attributes:
        cell: The cell, in words.
        reason: The reason, in one line, with the file and line of a user's own part.
        traceback: The traceback of the error, of many lines; "" for none.
    """

    cell: str
    reason: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"{self.cell}: {self.reason}"


@dataclass(frozen=True)
class Computed:
    """The result of a cell.

    Attributes:
        data: What `CellRunner.compute` returns.
        late_files: SHA-256 by path of the files that users' parts first read while they were used.
    """

    data: bytes
    late_files: dict[str, str]


class TimeIsUpError(BaseException):
    """A cell has reached its time limit. Not an Exception, so that no code of a cell catches it."""


def enter_worker(threads: int, environment: dict[str, str]) -> None:
    """Prepares a worker process: it ignores Ctrl-C, which the run handles, and ends with the run.

    Args:
        threads: Number of threads of torch and numba.
        environment: Environment variables of the run. Those of the process are of the time at which
            the fork server started, which may have been for an earlier run.
    """
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if start_method() == "forkserver":  # elsewhere the parent is a thread of the run
        end_with_parent()
    # numba first: when it starts its threads, it also sets torch's number of OpenMP threads. It
    # makes a lock for them. With the start method "forkserver" the lock would have a name, which
    # remains when the worker is ended; with "fork" it has none.
    method = multiprocessing.get_start_method()
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
    multiprocessing.set_start_method(method, force=True)
    torch.set_num_threads(threads)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def compute(cell: Cell, timeout_s: float | None) -> Computed | Failure:
    """Computes a cell in this process; the time limit does not count the opening of the run."""
    opened = attempt(lambda: runner_of(cell.spec), cell, None)
    if isinstance(opened, Failure):
        return opened
    return attempt(lambda: computed(opened, cell), cell, timeout_s)


def computed(
    runner: CellRunner, cell: Cell, step: Callable[[int], None] = lambda images: None
) -> Computed:
    """Computes a cell, see `CellRunner.compute`, and records the files that are read late."""
    spec, known = cell.spec, runner.prepared.files.get(cell.point.scheme, {})
    parts = f"{cell.point.scheme} {spec.channel} {dict(spec.scheme_args).get('codec')}"
    files = {path: known[path] for path in cell.files if path in known}
    files |= file_hashes(path for path in cell.files if path not in known)
    with late_reads(parts, files) as late:
        data = runner.compute(cell, step)
    return Computed(data, late)


def attempt(work: Callable[[], Value], cell: object, timeout_s: float | None) -> Value | Failure:
    """Does the work of a cell, and returns an error or a timeout as a `Failure`."""
    try:
        with unmoved():
            return _limited(work, timeout_s)
    except TimeIsUpError:
        return Failure(str(cell), f"took longer than the cell timeout of {timeout_s:g} s")
    except (Exception, SystemExit) as error:  # a part of a user's may call sys.exit()
        text = message(error)
        plain = isinstance(error, ValueError) and text
        reason = text if plain else f"{type(error).__name__}: {text}"
        return Failure(str(cell), reason + place(error), full_text(error))


def _limited(work: Callable[[], Value], timeout_s: float | None) -> Value:
    """Does work within a time limit, and raises `TimeIsUpError` when it is over."""
    if timeout_s is None:
        return work()
    main = threading.current_thread() is threading.main_thread()
    if main and hasattr(signal, "setitimer"):
        with _alarm(timeout_s):
            return work()
    return _in_a_thread(work, timeout_s)


_runners: dict[str, CellRunner] = {}
_runner_lock = threading.Lock()


def runner_of(spec: RunSpec) -> CellRunner:
    """Returns the runner of a run, which is opened once and kept until another run comes."""
    name = json.dumps(spec.to_json(), sort_keys=True, default=repr)
    with _runner_lock:
        if name not in _runners:
            _runners.clear()
            _runners[name] = CellRunner(prepare(spec), lambda what, done, total: None)
        return _runners[name]


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises `TimeIsUpError` in the main thread after some seconds.

    This interrupts Python code, but not compiled code that does not return. Then a worker process
    is ended `GRACE_S` later; the process of the run itself goes on waiting.
    """

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TimeIsUpError

    before = signal.signal(signal.SIGALRM, ring)
    worker = multiprocessing.parent_process() is not None
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        if worker:
            faulthandler.dump_traceback_later(seconds + GRACE_S, exit=True, file=nowhere)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if worker:
                faulthandler.cancel_dump_traceback_later()


def _in_a_thread(work: Callable[[], Value], seconds: float) -> Value:
    """Does work in a thread; a thread that does not return in time is abandoned."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise TimeIsUpError
    if isinstance(found[0], BaseException):
        raise found[0]
    result: Value = found[0]
    return result
