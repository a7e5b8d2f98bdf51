"""The fork server of the engine "local", and the number of its workers.

A fork server is a process that imports the simulator once and then forks the workers. This is
fast and, unlike a fork of the run's own process, safe in the presence of threads. The module has
no heavy imports: the command line starts the server before its own imports, which then run in
parallel with those of the server.
"""

from __future__ import annotations

import os

from simulator.sweeps.tied import naming_the_run, start_method

#: Least number of images over all cells of a run for which workers save more time than they cost.
WORTH_IMAGES = 4096
#: Modules that the server imports, in this order.
PRELOADED = ("simulator.sweeps.tied", "simulator.sweeps.worker", "simulator.sweeps.ready_kernels")
#: Most workers by default, because each has its own networks and payloads in memory.
MOST_WORKERS = 8


def default_workers() -> int:
    """Returns the default number of workers: one per core, at most `MOST_WORKERS`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_WORKERS)


def worth_workers(cells: int, images: int | None) -> bool:
    """Whether workers save time for some cells of some images each; None is a whole data set."""
    enough = images is None or cells * images >= WORTH_IMAGES
    return cells > 1 and enough and default_workers() > 1


def start_forkserver() -> None:
    """Starts the server if it does not run and the system has it. It ends with this process."""
    if start_method() != "forkserver":
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload(list(PRELOADED))
    with naming_the_run():
        forkserver.ensure_running()
