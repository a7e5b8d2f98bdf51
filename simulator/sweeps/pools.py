"""Executors of `concurrent.futures` for cells: worker processes, or a dask cluster.

The executors are `ProcessPoolExecutor` and the one of `distributed.Client.get_executor`.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch

from simulator.sweeps.forkserver import start_forkserver
from simulator.sweeps.tied import start_method
from simulator.sweeps.worker import enter_worker


class EngineError(ValueError):
    """The engine has stopped; finished cells are kept."""


@contextmanager
def local_pools(workers: int) -> Iterator[Callable[[], Executor]]:
    """Yields a function that opens a pool of processes, and ends all processes at the end.

    The processes are forked by the server of `simulator.sweeps.forkserver`, if the system has it.

    Args:
        workers: Number of processes of a pool.

    Raises:
        EngineError: If the program is one that processes cannot import.
    """
    _check_main()
    context = multiprocessing.get_context(start_method())
    start_forkserver()
    threads = max(1, torch.get_num_threads() // workers)
    before = {child.pid for child in multiprocessing.active_children()}
    pools: list[Executor] = []

    def open_pool() -> Executor:
        pools.append(
            ProcessPoolExecutor(
                workers,
                mp_context=context,
                initializer=enter_worker,
                initargs=(threads, dict(os.environ)),
            )
        )
        return pools[-1]

    try:
        yield open_pool
    except BaseException:  # nobody waits for the cells at work
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            if child.pid not in before:
                child.terminate()
        raise
    finally:
        for pool in pools:
            pool.shutdown(wait=True)


def _check_main() -> None:
    """Refuses a program that worker processes cannot import: each imports the main module."""
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise EngineError(
            "a worker imports the script, and the script starts a run: put what starts it under "
            '`if __name__ == "__main__":`'
        )
    if file is not None and getattr(main, "__spec__", None) is None and not Path(file).exists():
        raise EngineError(
            f"engine local cannot start workers: each imports the script, and {file} is not a "
            "file; save the script to a file, or choose the engine inline"
        )


@contextmanager
def dask_pool(scheduler: str, gpu: bool) -> Iterator[tuple[Callable[[], Executor], int]]:
    """Yields a function that opens the executor of a dask cluster, and its number of threads.

    Args:
        scheduler: Address of the scheduler.
        gpu: Whether a cell needs a worker with the resource GPU=1.

    Raises:
        EngineError: If no scheduler answers at the address, or if it has no workers.
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
