"""Where cells are computed: in this process, in processes of this machine, or on a dask cluster.

The last two are the executors of `simulator.sweeps.pools`. What a cell gives does not depend
on where it is computed.
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
from simulator.sweeps.worker import Failure, compute

ENGINES = ("auto", "inline", "local", "dask")
#: Cells handed out ahead of the results, for each worker.
AHEAD = 2
#: Workers that may die under one cell, alone with it, before the cell is to blame.
DEATHS = 2

Outcome = tuple[Cell, "bytes | Failure"]


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
        held: The pool that `kept_open` leaves from one run to the next.
    """

    name: str = "inline"
    workers: int | None = None
    scheduler: str | None = None
    cell_timeout_s: float | None = None
    cell_images: int = 16384
    held: _Held | None = field(default=None, repr=False, compare=False)

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
        elif self.held is not None:
            yield from self.held.pool(self, gpu).outcomes(cells)
        else:
            with self._opened(gpu) as pool:
                yield from pool.outcomes(cells)

    @contextmanager
    def kept_open(self) -> Iterator[Engine]:
        """This engine, its pool open from the first cells that need one until it is left."""
        with ExitStack() as networks:
            yield self if self.held is not None else replace(self, held=_Held(networks))

    @contextmanager
    def _opened(self, gpu: bool) -> Iterator[_Pooled]:
        if self.name == "local":
            assert self.workers is not None
            with local_pools(self.workers) as open_pool:
                yield _Pooled(open_pool, AHEAD * self.workers, self.cell_timeout_s)
        else:
            assert self.name == "dask"
            with dask_pool(str(self.scheduler), gpu) as (open_pool, workers):
                yield _Pooled(open_pool, AHEAD * workers, self.cell_timeout_s)


class _Held:
    """A pool that stays open until another one is needed, or the networks is closed."""

    def __init__(self, networks: ExitStack) -> None:
        self._stack = networks
        self._kind: tuple[str, bool] | None = None
        self._workers = 0
        self._pool: _Pooled | None = None

    def pool(self, engine: Engine, gpu: bool) -> _Pooled:
        """The pool that is open, if it is of this engine's kind and idle; else a new one."""
        kind, workers = (engine.name, gpu), engine.workers or 0
        fits = self._kind == kind and self._workers >= workers
        if self._pool is None or not fits or not self._pool.idle:
            self._stack.close()
            self._pool = self._stack.enter_context(engine._opened(gpu))
            self._kind, self._workers = kind, workers
        return self._pool


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

    @property
    def idle(self) -> bool:
        """Whether nothing is left of the last run."""
        return not self.under_way and not self.suspects

    def outcomes(self, cells: Iterator[Cell]) -> Iterator[Outcome]:
        """Computes cells in the order in which they finish."""
        self.deaths.clear()
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


def _engine_is_gone(error: Exception) -> str:
    what = " ".join(str(error).split()) or type(error).__name__
    return f"the engine has stopped ({what[:200]}); finished cells are kept, run again to go on"
