"""Executors of `concurrent.futures` for cells: processes of this machine, or a dask cluster.

`ProcessPoolExecutor`, and what `distributed.Client.get_executor` gives.
"""

from __future__ import annotations

import importlib
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from simulator.sweeps.forkserver import start_forkserver
from simulator.sweeps.worker import enter_worker


class EngineError(ValueError):
    """The engine itself is gone; what is finished is kept."""


@contextmanager
def local_pools(workers: int) -> Iterator[Callable[[], Executor]]:
    """Opens pools of processes, and ends all of them, busy or not, when it is left.

    They are forked by the server of `simulator.sweeps.forkserver`.
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
