"""Where cells are computed: in this process, in processes of this machine, or on a dask cluster.

The last two are executors of `concurrent.futures`: `ProcessPoolExecutor`, and what
`distributed.Client.get_executor` gives. What a cell gives does not depend on where it is computed.
"""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from semantic.data.names import nearest
from simulator.cells import Cell
from simulator.forkserver import default_workers, start_forkserver, worth_workers
from simulator.worker import Failure, compute, enter_worker

ENGINES = ("auto", "inline", "local", "dask")
#: Cells handed out ahead of the results, for each worker.
AHEAD = 2
#: Workers that may die under one cell, alone with it, before the cell is to blame.
DEATHS = 2

Outcome = tuple[Cell, "bytes | Failure"]


class EngineError(ValueError):
    """The engine itself is gone; what is finished is kept."""


@dataclass(frozen=True)
class Engine:
    """Where and how cells are computed; changes no number.

    Attributes:
        name: "inline", "local", "dask", or "auto": "local" on a CPU where that is worth it.
        workers: Processes of the engine "local"; None for as many as `default_workers`.
        scheduler: Address of dask's scheduler, e.g. "tcp://10.0.0.1:8786".
        cell_timeout_s: A cell that takes longer has failed; None for no limit.
        cell_images: Most images in a cell: a smaller number loses less when a run is killed, and
            shares one point out among workers.
    """

    name: str = "inline"
    workers: int | None = None
    scheduler: str | None = None
    cell_timeout_s: float | None = None
    cell_images: int = 16384

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ValueError(f"unknown engine {self.name!r}: {nearest(self.name, ENGINES)}")
        for what, number in (("workers", self.workers), ("cell images", self.cell_images)):
            if number is not None and number < 1:
                raise ValueError(f"number of {what} is {number}, it must be at least 1")
        if self.name == "inline" and (self.workers or 1) > 1:
            raise ValueError(f"engine inline has one process, not {self.workers}: take local")
        if self.cell_timeout_s is not None and not self.cell_timeout_s > 0:
            raise ValueError(f"cell timeout is {self.cell_timeout_s} s, it must be positive")
        if (self.name == "dask") != (self.scheduler is not None):
            raise ValueError("engine dask and a scheduler's address belong together")
        if self.name == "dask" and importlib.util.find_spec("distributed") is None:
            raise ValueError(
                "engine dask needs dask.distributed: pip install 'semharq-sim[cluster]'"
            )

    def chosen(self, cells: Sequence[Cell], gpu: bool) -> Engine:
        """This engine with nothing left open, for the cells of a run."""
        if self.name not in ("auto", "local"):
            return self
        images = max((cell.stop - cell.first for cell in cells), default=0)
        if self.name == "auto" and (gpu or not worth_workers(len(cells), images)):
            return replace(self, name="inline", workers=None)
        fewest = min(default_workers(), max(1, len(cells)))
        return replace(self, name="local", workers=self.workers or fewest)

    def outcomes(
        self,
        cells: Iterator[Cell],
        here: Callable[[Cell, float | None], bytes | Failure],
        gpu: bool = False,
    ) -> Generator[Outcome, None, None]:
        """Computes cells, in any order; never raises for what a cell does.

        Of an engine that `chosen` gave: "auto" computes nothing.

        Args:
            cells: What to compute, taken up one by one.
            here: Computes a cell in this process, within a time limit in seconds.
            gpu: Whether cells need a GPU.

        Raises:
            EngineError: When the workers or their scheduler are gone.
        """
        if self.name == "inline":
            for cell in cells:
                yield cell, here(cell, self.cell_timeout_s)
        elif self.name == "local":
            assert self.workers is not None
            with local_pools(self.workers) as open_pool:
                ahead = AHEAD * self.workers
                yield from _Pooled(open_pool, ahead, self.cell_timeout_s).outcomes(cells)
        else:
            assert self.name == "dask"
            with dask_pool(str(self.scheduler), gpu) as (open_pool, workers):
                yield from _Pooled(open_pool, AHEAD * workers, self.cell_timeout_s).outcomes(cells)


class _Pooled:
    """Keeps an executor busy, and finds out which cell kills its workers.

    An executor of processes is broken as soon as one of them dies, with everything that was under
    way. Those cells are computed again one at a time: one that kills its worker then is to blame.
    """

    def __init__(
        self, open_pool: Callable[[], Executor], ahead: int, timeout_s: float | None
    ) -> None:
        self.open_pool, self.ahead, self.timeout_s = open_pool, ahead, timeout_s
        self.pool = open_pool()
        self.under_way: dict[Future[Any], Cell] = {}
        self.suspects: deque[Cell] = deque()
        self.deaths: Counter[str] = Counter()

    def outcomes(self, cells: Iterator[Cell]) -> Iterator[Outcome]:
        """Computes cells in the order in which they finish."""
        more = True
        while more or self.under_way or self.suspects:
            more = self._hand_out(cells) and more
            done, _ = wait(self.under_way, return_when=FIRST_COMPLETED)
            for future in done:
                cell = self.under_way.pop(future)
                try:
                    found = future.result()
                except BrokenExecutor:
                    yield from self._bury(cell)
                    break
                except Exception as error:  # what a cell raises comes back as a value
                    if type(error).__name__ != "KilledWorker":
                        raise EngineError(_engine_is_gone(error)) from None
                    found = Failure(str(cell), "every worker that took it up died")
                yield cell, found

    def _hand_out(self, cells: Iterator[Cell]) -> bool:
        """Submits what may be under way; False when there are no more fresh cells."""
        if self.suspects:
            if not self.under_way:
                self._submit(self.suspects.popleft())
            return True
        while len(self.under_way) < self.ahead:
            cell = next(cells, None)
            if cell is None:
                return False
            self._submit(cell)
        return True

    def _submit(self, cell: Cell) -> None:
        try:
            future = self.pool.submit(compute, cell, self.timeout_s)
        except BrokenExecutor as error:  # died since the last result
            future = Future()
            future.set_exception(error)
        self.under_way[future] = cell

    def _bury(self, first: Cell) -> Iterator[Outcome]:
        """A worker has died: a new executor, and everything again that was under way."""
        lost = [first]
        for future, cell in self.under_way.items():
            if future.done() and future.exception() is None:
                yield cell, future.result()
            else:
                lost.append(cell)
        self.under_way = {}
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.pool = self.open_pool()
        if len(lost) > 1:
            self.suspects.extend(lost)
            return
        (cell,) = lost
        self.deaths[str(cell)] += 1
        if self.deaths[str(cell)] < DEATHS:
            self.suspects.appendleft(cell)
            return
        reason = f"{DEATHS} workers died while they computed nothing else"
        if self.timeout_s is not None:
            reason += f", or had to be ended {self.timeout_s:g} s after they began"
        yield cell, Failure(str(cell), reason)


@contextmanager
def local_pools(workers: int) -> Iterator[Callable[[], Executor]]:
    """Opens pools of processes, and ends all of them, busy or not, when it is left.

    They are forked by the server of `simulator.forkserver`.
    """
    context = multiprocessing.get_context("forkserver")
    start_forkserver()
    threads = max(1, torch.get_num_threads() // workers)
    before = {child.pid for child in multiprocessing.active_children()}
    pools: list[Executor] = []

    def open_pool() -> Executor:
        pools.append(
            ProcessPoolExecutor(
                workers, mp_context=context, initializer=enter_worker, initargs=(threads,)
            )
        )
        return pools[-1]

    try:
        yield open_pool
    except BaseException:  # nobody waits for cells that are under way
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            if child.pid not in before:
                child.terminate()
        raise
    finally:
        for pool in pools:
            pool.shutdown(wait=True)


@contextmanager
def dask_pool(scheduler: str, gpu: bool) -> Iterator[tuple[Callable[[], Executor], int]]:
    """The executor of a dask cluster, and the number of its threads of work.

    Args:
        scheduler: Address.
        gpu: Whether a cell needs a worker with the resource GPU=1.

    Raises:
        EngineError: When there is no scheduler at the address, or it has no workers.
    """
    distributed: Any = importlib.import_module("distributed")

    try:
        client = distributed.Client(scheduler, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EngineError(
            f"no dask scheduler answers at {scheduler}: {' '.join(str(error).split())}"
        ) from None
    try:
        try:
            client.wait_for_workers(1, timeout=60)
        except TimeoutError:
            raise EngineError(f"the dask scheduler at {scheduler} has no workers") from None
        needs = {"resources": {"GPU": 1}} if gpu else {}
        yield partial(client.get_executor, pure=False, **needs), sum(client.nthreads().values())
    finally:
        client.close(timeout=2)


def _engine_is_gone(error: Exception) -> str:
    what = " ".join(str(error).split()) or type(error).__name__
    return f"the engine has stopped ({what[:200]}); finished cells are kept, run again to go on"
