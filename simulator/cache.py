"""A cache on disk for what is computed from images, shared by processes and runs.

The name of a file contains a hash of everything that its content depends on. A cache that is
damaged, or that cannot be read or written, costs time but changes no result.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from simulator.environment import private_directory
from simulator.files import leftovers, remove_abandoned, write_whole

Tensors = dict[str, Tensor]

#: Most bytes in the directory.
LIMIT_BYTES = 4 * 2**30
#: Names of cache files, and of those that are being written.
OURS = re.compile(r"\.?[a-z-]+-[0-9a-f]{32}(\.\w+)?\.safetensors")
#: Those of them that are being written.
UNFINISHED = re.compile(r"\.[a-z-]+-[0-9a-f]{32}\.\w+\.safetensors")


def cache_directory() -> Path:
    """Returns $SEMHARQ_CACHE, or a folder in the user's cache directory.

    A user without a home directory gets a temporary directory.
    """
    named, shared = os.environ.get("SEMHARQ_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named)
    try:
        return (Path(shared) if shared else Path.home() / ".cache") / "semharq-sim"
    except RuntimeError:  # neither $HOME nor an entry in the list of users
        return private_directory("cache") or Path(os.devnull)


def cache_file(kind: str, *depends_on: object) -> Path:
    """Returns the path of a cache file: its kind, and a hash of what its content depends on."""
    key = hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]
    return cache_directory() / f"{kind}-{key}.safetensors"


def load_cached(path: Path) -> tuple[Tensors, str] | None:
    """Reads tensors and note of a cache file; None if it is missing or damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        note: str = metadata["note"]
        if metadata["sha256"] != _digest(tensors, note):
            return None
        with suppress(OSError):
            path.touch()  # the time of its last use
        return tensors, note
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def save_cached(path: Path, tensors: Tensors, note: str = "") -> None:
    """Writes a cache file atomically, so that no other process reads a part of it.

    Args:
        path: The result of `cache_file`.
        tensors: Tensors on the CPU.
        note: A text that belongs to them.
    """
    metadata = {"note": note, "sha256": _digest(tensors, note)}
    with suppress(OSError, SafetensorError):
        write_whole(path, lambda temporary: save_file(tensors, temporary, metadata))
    _make_room(path.parent)


def _make_room(directory: Path) -> None:
    """Removes leftovers of killed processes, and the least recently used files above the limit."""
    used = []
    with suppress(OSError):
        remove_abandoned(leftovers(directory, UNFINISHED))
        finished = (file for file in directory.iterdir() if OURS.fullmatch(file.name))
        for file in {*finished, *leftovers(directory, UNFINISHED)}:
            with suppress(OSError):  # another process may have been quicker
                used.append((file.stat().st_mtime_ns, file.stat().st_size, file))
    held = 0
    for _, size, file in sorted(used, reverse=True):
        held += size
        if held > LIMIT_BYTES:
            with suppress(OSError):
                file.unlink()


def _digest(tensors: Tensors, note: str) -> str:
    """Returns the checksum of a cache file, which finds a flipped bit."""
    digest = hashlib.sha256(note.encode())
    for name in sorted(tensors):
        array = tensors[name].contiguous().numpy()
        digest.update(repr((name, array.shape, array.dtype.str)).encode())
        digest.update(array.data)
    return digest.hexdigest()
