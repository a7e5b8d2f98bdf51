"""What a worker does: one cell at a time, within its time limit, and never raises."""

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

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import Cell, CellRunner

#: A worker that has not come back this long after a cell's time is up is ended from outside.
GRACE_S = 5.0

Done = TypeVar("Done")


@dataclass(frozen=True)
class Failure:
    """A cell without a result.

    Attributes:
        cell: Which.
        reason: Why, in one line.
    """

    cell: str
    reason: str

    def __str__(self) -> str:
        return f"{self.cell}: {self.reason}"


class TimeIsUpError(BaseException):
    """Not an Exception, so that what a cell runs does not swallow it."""


def enter_worker(threads: int) -> None:
    """Begins a worker process: Ctrl-C is the run's business, and no worker outlives its run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # numba first: when its threads start, it sets OpenMP's number of threads for torch too. With
    # them it makes a lock, which under "forkserver" has a name that a worker would have to take
    # back when it is ended, and under "fork" has none.
    method = multiprocessing.get_start_method()
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


def compute(cell: Cell, timeout_s: float | None) -> bytes | Failure:
    """Computes a cell on this process's bench; opening the bench is not timed."""
    opened = attempt(lambda: bench_of(cell.spec), cell, None)
    if isinstance(opened, Failure):
        return opened
    return attempt(lambda: opened.compute(cell), cell, timeout_s)


def attempt(work: Callable[[], Done], cell: Cell, timeout_s: float | None) -> Done | Failure:
    """Does the work of a cell; whatever goes wrong comes back as a value."""
    try:
        if timeout_s is None:
            return work()
        if threading.current_thread() is threading.main_thread():
            with _alarm(timeout_s):
                return work()
        return _in_a_thread(work, timeout_s)
    except TimeIsUpError:
        return Failure(str(cell), f"took longer than the cell timeout of {timeout_s:g} s")
    except Exception as error:
        text = " ".join(str(error).split())
        plain = isinstance(error, ValueError) and text
        return Failure(str(cell), text if plain else f"{type(error).__name__}: {text}")


_benches: dict[str, CellRunner] = {}
_bench_lock = threading.Lock()


def bench_of(spec: RunSpec) -> CellRunner:
    """This process's bench of a run: opened once, and kept until another run comes."""
    name = json.dumps(spec.to_json(), sort_keys=True, default=repr)
    with _bench_lock:
        if name not in _benches:
            _benches.clear()
            _benches[name] = CellRunner(prepare(spec), lambda what, done, total: None)
        return _benches[name]


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises `TimeIsUpError` in the main thread when the time is up.

    Python code is interrupted. Compiled code that does not come back is not: a worker process is
    then ended `GRACE_S` later, and the process of the run itself waits on.
    """

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TimeIsUpError

    before = signal.signal(signal.SIGALRM, ring)
    worker = multiprocessing.parent_process() is not None
    with Path(os.devnull).open("w") as nowhere:
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


def _in_a_thread(work: Callable[[], Done], seconds: float) -> Done:
    """Work in a thread of its own; one that does not come back is left to itself."""
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
    result: Done = found[0]
    return result
