"""The process environment, set before the libraries that read it once are imported.

A variable that the user has set keeps its value.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import phy


def prepare_environment() -> None:
    """Sets what OpenMP and numba read when they are loaded. It costs a few system calls.

    Waiting threads sleep. By default they spin, and take the cores from other programs: beside a
    program of two threads on two cores, a run then takes twice as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    if "NUMBA_CACHE_DIR" not in os.environ and not numba_finds_a_cache():
        directory = private_directory("numba")
        if directory is not None:
            os.environ["NUMBA_CACHE_DIR"] = str(directory)


def numba_finds_a_cache() -> bool:
    """Whether numba may write beside the package or into the user's cache; else it raises."""
    beside = Path(phy.__path__[0]) / "coding" / "__pycache__"
    user = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111
    return _writable(beside) or (Path(user).is_absolute() and _writable(Path(user) / "numba"))


def _writable(directory: Path) -> bool:
    """Whether a directory, or the nearest one above it that exists, can be written to."""
    try:
        while not directory.exists():
            directory = directory.parent
        return os.access(directory, os.W_OK | os.X_OK)
    except OSError:
        return False


@contextmanager
def unmoved() -> Iterator[None]:
    """Restores the current directory, which the code of a user may change, after some work."""
    before = os.getcwd()  # noqa: PTH109 -- as text, for os.chdir
    try:
        yield
    finally:
        os.chdir(before)


def private_directory(purpose: str) -> Path | None:
    """Returns a temporary directory of this user alone, the same one in every process.

    Its name can be guessed, and others may write to the directory above it. So it must be a real
    directory of this user to which no one else may write.

    Args:
        purpose: Last part of its name.

    Returns:
        Its path; None if it cannot be made or belongs to someone else.
    """
    user = os.getuid() if hasattr(os, "getuid") else "user"
    try:
        path = Path(tempfile.gettempdir()) / f"semharq-sim-{user}-{purpose}"
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError:
        return None
    mine = stat.S_ISDIR(found.st_mode) and user in (found.st_uid, "user")
    return path if mine and not found.st_mode & 0o022 else None
