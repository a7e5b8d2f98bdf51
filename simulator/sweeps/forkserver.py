"""The process that forks the workers of the engine "local", and how many of them are worth it.

A server that imports the simulator once and forks the workers is quick and, unlike forking the
run's own process, safe beside its threads. It imports nothing heavy here: the command line starts
the server first of all, so that both processes import side by side.
"""

from __future__ import annotations

import os
from multiprocessing import forkserver

#: Images of a run, over all its cells, from which on starting workers takes less than they save.
WORTH_IMAGES = 4096
#: Each worker has networks and payloads of its own: more than these only when asked for.
MOST_WORKERS = 8


def default_workers() -> int:
    """Workers when no number is given: one per core of this process, at most `MOST_WORKERS`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(cores or 1, MOST_WORKERS)


def worth_workers(cells: int, images: int | None) -> bool:
    """Whether so many cells of so many images each are worth workers; None is a whole data set."""
    enough = images is None or cells * images >= WORTH_IMAGES
    return cells > 1 and enough and default_workers() > 1


def start_forkserver() -> None:
    """Starts the server unless it runs; it ends with this process."""
    forkserver.set_forkserver_preload(["simulator.sweeps.worker"])
    forkserver.ensure_running()
