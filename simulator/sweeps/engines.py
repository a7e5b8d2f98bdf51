"""Engines: cells are computed in this process, in worker processes, or on a dask cluster.

Worker processes and clusters are the executors of `simulator.sweeps.pools`. The result of a cell
does not depend on the engine.
"""

from __future__ import annotations

import importlib.util
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from semantic.suggest import nearest
from simulator.sweeps.cells import Cell
from simulator.sweeps.forkserver import default_workers, worth_workers
from simulator.sweeps.pools import EngineError as EngineError  # part of this module's interface
from simulator.sweeps.pools import dask_pool, local_pools
from simulator.sweeps.worker import Computed, Failure, compute

ENGINES = ("auto", "inline", "local", "dask")
#: Cells submitted ahead of the results, per worker.
CELLS_AHEAD = 2
#: Most workers of the engine "local": a machine has fewer cores.
MOST_WORKERS = 4096
#: Longest time limit of a cell in seconds.
LONGEST_CELL_S = 365 * 86400.0
#: Workers that die while they compute one cell, and no other cell runs, before it has failed.
MOST_DEATHS = 2

Outcome = tuple[Cell, "Computed | Failure"]
#: Computes one cell within a time limit in seconds; a worker imports it by its name.
Work = Callable[[Any, float | None], Any]


@dataclass(frozen=True)
class Engine:
    """Where and how cells are computed. It changes no number.

    Attributes:
        name: "inline" for this process, "local" for worker processes, "dask" for a cluster, or
            "auto": "local" on a CPU if workers save time, otherwise "inline".
        workers: Number of processes of the engine "local"; None for `default_workers`.
        scheduler: Address of the dask scheduler, e.g. "tcp://10.0.0.1:8786".
        cell_timeout_s: Time limit of a cell in seconds; a cell that takes longer has failed. None
            for no limit.
        cell_images: Most images in a cell. With a smaller number, a killed run loses less, and
            several workers can share one point.
        kept_pool: The pool that `kept_open` keeps from one run to the next.

    Example:
        ```
        from simulator import Engine, simulate

        simulate("semharq", "-6:8:2", seeds=20, engine=Engine("local", workers=8), out="runs/many")
        ```
    """

    name: str = "inline"
    workers: int | None = None
    scheduler: str | None = None
    cell_timeout_s: float | None = None
    cell_images: int = 16384
    kept_pool: _KeptPool | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name not in ENGINES:
            raise ValueError(f"unknown engine {self.name!r}: {nearest(self.name, ENGINES)}")
        for what, number in (("workers", self.workers), ("cell images", self.cell_images)):
            if number is not None and number < 1:
                raise ValueError(f"number of {what} is {number}, it must be at least 1")
        if self.name == "inline" and (self.workers or 1) > 1:
            raise ValueError(f"engine inline has one process, not {self.workers}: use local")
        if self.workers is not None and self.workers > MOST_WORKERS:
            raise ValueError(f"{self.workers} workers are too many, at most {MOST_WORKERS} start")
        if self.cell_timeout_s is not None and not 0 < self.cell_timeout_s <= LONGEST_CELL_S:
            raise ValueError(
                f"cell timeout is {self.cell_timeout_s} s, it must be positive and at most "
                f"{LONGEST_CELL_S:g} s, which is a year"
            )
        if (self.name == "dask") != (self.scheduler is not None):
            raise ValueError(
                "engine dask needs the address of a scheduler, and no other engine has one"
            )
        if self.name == "dask" and importlib.util.find_spec("distributed") is None:
            raise ValueError(
                "engine dask needs dask.distributed: pip install 'semharq-sim[cluster]'"
            )

    def chosen(self, cells: Sequence[Cell], gpu: bool) -> Engine:
        """Returns this engine with its name and number of workers decided, for the cells of a run."""
        if self.name not in ("auto", "local"):
            return self
        images = max((cell.stop - cell.first for cell in cells), default=0)
        if self.name == "auto" and (gpu or not worth_workers(len(cells), images)):
            return replace(self, name="inline", workers=None)
        workers = self.workers or min(default_workers(), max(1, len(cells)))
        return replace(self, name="local", workers=workers)

    def outcomes(
        self,
        cells: Iterator[Cell],
        compute_here: Callable[[Cell, float | None], Computed | Failure],
        gpu: bool = False,
        work: Work = compute,
    ) -> Generator[Outcome, None, None]:
        """Computes cells, in any order. An error in a cell is yielded as its `Failure`.

        Call this on the result of `chosen()`: the engine "auto" computes nothing.

        Args:
            cells: The cells, which are taken one by one.
            compute_here: Computes a cell in this process, within a time limit in seconds.
            gpu: Whether cells need a GPU.
            work: Computes a cell in a worker. The trainings of a plan are cells of another kind.

        Yields:
            Each cell with its result or its failure.

        Raises:
            EngineError: If the workers or their scheduler are gone.
        """
        if self.name == "inline":
            for cell in cells:
                yield cell, compute_here(cell, self.cell_timeout_s)
        elif self.kept_pool is not None:
            yield from self.kept_pool.pool(self, gpu).outcomes(cells, work)
        else:
            with self._opened(gpu) as pool:
                yield from pool.outcomes(cells, work)

    @contextmanager
    def kept_open(self) -> Iterator[Engine]:
        """Keeps one pool open for several runs: from the first cells that need it to the end."""
        with ExitStack() as stack:
            yield self if self.kept_pool is not None else replace(self, kept_pool=_KeptPool(stack))

    @contextmanager
    def _opened(self, gpu: bool) -> Iterator[_CellPool]:
        """Opens a pool of this engine, and closes it at the end."""
        if self.name == "local":
            assert self.workers is not None
            with local_pools(self.workers) as open_pool:
                yield _CellPool(open_pool, CELLS_AHEAD * self.workers, self.cell_timeout_s)
        else:
            assert self.name == "dask"
            with dask_pool(str(self.scheduler), gpu) as (open_pool, workers):
                yield _CellPool(open_pool, CELLS_AHEAD * workers, self.cell_timeout_s)


class _KeptPool:
    """A pool that stays open until a run needs another one, or until its stack is closed."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._kind: tuple[str, bool] | None = None
        self._workers = 0
        self._pool: _CellPool | None = None

    def pool(self, engine: Engine, gpu: bool) -> _CellPool:
        """Returns the open pool if it is idle and fits the engine; otherwise opens a new one."""
        kind, workers = (engine.name, gpu), engine.workers or 0
        fits = self._kind == kind and self._workers >= workers
        if self._pool is None or not fits or not self._pool.idle:
            self._stack.close()
            self._pool = self._stack.enter_context(engine._opened(gpu))
            self._kind, self._workers = kind, workers
        return self._pool


class _CellPool:
    """Submits cells to an executor, and finds the cell that kills its workers.

    When a worker process dies, its executor is broken, and all submitted cells are lost. They are
    computed again one at a time in a new executor. A cell that kills its worker again has failed.
    """

    def __init__(
        self, open_pool: Callable[[], Executor], ahead: int, timeout_s: float | None
    ) -> None:
        self.open_pool, self.ahead, self.timeout_s = open_pool, ahead, timeout_s
        self.pool = open_pool()
        self.work: Work = compute
        self.under_way: dict[Future[Any], Cell] = {}
        self.suspects: deque[Cell] = deque()
        self.deaths: Counter[str] = Counter()
        self.finished = 0

    @property
    def idle(self) -> bool:
        """Whether the last run has no cells left."""
        return not self.under_way and not self.suspects

    def outcomes(self, cells: Iterator[Cell], work: Work = compute) -> Iterator[Outcome]:
        """Yields each cell with its result, in the order in which the cells finish."""
        self.work = work
        self.deaths.clear()
        more = True
        while more or self.under_way or self.suspects:
            more = self._submit_next(cells) and more
            done, _ = wait(self.under_way, return_when=FIRST_COMPLETED)
            for future in done:
                cell = self.under_way.pop(future)
                try:
                    found = future.result()
                except BrokenExecutor:
                    yield from self._recover(cell)
                    break
                except Exception as error:  # errors of a cell are returned as values
                    if type(error).__name__ != "KilledWorker":
                        raise EngineError(_engine_is_gone(error)) from None
                    found = Failure(str(cell), "every worker that computed it died")
                self.finished += 1
                yield cell, found

    def _submit_next(self, cells: Iterator[Cell]) -> bool:
        """Submits as many cells as may run ahead; returns False after the last new cell."""
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
            future = self.pool.submit(self.work, cell, self.timeout_s)
        except BrokenExecutor as error:  # a worker has died since the last result
            future = Future()
            future.set_exception(error)
        self.under_way[future] = cell

    def _recover(self, first: Cell) -> Iterator[Outcome]:
        """Opens a new executor after the death of a worker, and takes up the lost cells again."""
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
        if self.deaths[str(cell)] < MOST_DEATHS:
            self.suspects.appendleft(cell)
            return
        reason = f"{MOST_DEATHS} workers died while they computed this cell alone"
        if self.timeout_s is not None:
            reason += f", or were ended because it took longer than {self.timeout_s:g} s"
        if not self.finished:
            reason += (
                "; no worker has finished a cell: if a script starts the run, it needs "
                '`if __name__ == "__main__":`; the engine inline has no workers'
            )
        yield cell, Failure(str(cell), reason)


def _engine_is_gone(error: Exception) -> str:
    what = " ".join(str(error).split()) or type(error).__name__
    return f"the engine has stopped ({what[:200]}); finished cells are kept, run again to go on"
