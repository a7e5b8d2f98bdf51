"""Worker processes that end within seconds of their run, even if it is killed.

run --(watched by)--> fork server --(Linux: parent death signal)--> workers

A worker may be in compiled code that holds Python's lock, so that none of its threads can act. The
fork server only waits for requests. It therefore looks once a second whether its run is alive, and
ends otherwise. On Linux the kernel then ends the workers; elsewhere a thread of each worker does.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from simulator.hidden_packages import FORK_SERVER

#: Process id of the run, for a fork server that starts.
RUN = FORK_SERVER
#: Keeps the current directory, and files of the user there, off the module path of a new Python.
SAFE_PATH, OURS = "PYTHONSAFEPATH", "fork server"
#: Seconds between two looks at the run.
EVERY_S = 1.0
#: Of prctl(2): the signal that a process gets when its parent ends.
PR_SET_PDEATHSIG = 1


def start_method() -> str:
    """Returns how worker processes start: from the fork server, or anew where there is none."""
    methods = multiprocessing.get_all_start_methods()
    return "forkserver" if "forkserver" in methods else "spawn"


def end_with_parent() -> None:
    """Asks the kernel to kill this process when its parent ends. Only Linux can do it."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def naming_the_run() -> Iterator[None]:
    """Tells a fork server that starts in this context which process its run is.

    The server is started as `python -c`, which searches the current directory first: a file
    `phy.py` or `random.py` there would be imported. This is switched off, unless the simulator
    itself lies in the current directory and is not installed.
    """
    os.environ[RUN] = str(os.getpid())
    if not _started_in(Path(__file__).parents[2]):
        os.environ.setdefault(SAFE_PATH, OURS)
    try:
        yield
    finally:
        del os.environ[RUN]
        _forget_safe_path()


def _started_in(folder: Path) -> bool:
    """Whether the current directory is a folder."""
    try:
        return Path().samefile(folder)
    except OSError:  # one of them is not on the disk
        return False


def _forget_safe_path() -> None:
    """Removes the variable if it is ours: programs that a part of a user starts do not get it."""
    if os.environ.get(SAFE_PATH) == OURS:
        del os.environ[SAFE_PATH]


def outlives_its_run() -> bool:
    """Whether this process is a fork server whose run was killed before it could watch it."""
    server = any("multiprocessing.forkserver" in word for word in sys.orig_argv)
    try:
        os.kill(int(os.environ[RUN]), 0)
    except ProcessLookupError:
        return server
    except OSError:  # it is somebody else's, and alive
        return False
    return False


def watch_the_run() -> None:
    """Ends this process, a fork server, soon after its run.

    It uses a timer and not a thread, because a process with threads must not fork. Workers inherit
    the handler of the timer, but not the timer.
    """
    server, run = os.getpid(), int(os.environ[RUN])

    def look(signum: int, frame: FrameType | None) -> None:
        if os.getpid() == server and os.getppid() != run:
            os._exit(1)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, EVERY_S, EVERY_S)


_forget_safe_path()
if os.environ.get(RUN) == str(os.getppid()):  # the fork server imports this module first
    watch_the_run()
elif RUN in os.environ and outlives_its_run():
    os._exit(1)  # it would go on with its imports, which take seconds
