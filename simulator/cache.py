"""What is computed once from images and shared by processes and runs: files under a content hash.

A cache costs time when it is damaged, or cannot be read or written; it never costs a result.
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

from simulator.files import write_whole

Tensors = dict[str, Tensor]

#: What the directory may hold.
LIMIT_BYTES = 4 * 2**30
#: Names of our files in it, and of those that are being written.
OURS = re.compile(r"\.?[a-z-]+-[0-9a-f]{32}(\.\w+)?\.safetensors")


def cache_directory() -> Path:
    """Where it is kept: $SEMHARQ_CACHE, or the user's cache directory."""
    named = os.environ.get("SEMHARQ_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "semharq-sim"


def cache_file(kind: str, *depends_on: object) -> Path:
    """The file of one kind of content, named by all that the content depends on."""
    key = hashlib.sha256(repr(depends_on).encode()).hexdigest()[:32]
    return cache_directory() / f"{kind}-{key}.safetensors"


def load_cached(path: Path) -> tuple[Tensors, str] | None:
    """Tensors and note of a cache file; None where it is not there, or not whole."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        note: str = metadata["note"]
        if metadata["sha256"] != _digest(tensors, note):
            return None
        with suppress(OSError):
            path.touch()  # used now
        return tensors, note
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None


def save_cached(path: Path, tensors: Tensors, note: str = "") -> None:
    """Writes a cache file under a temporary name and renames it: kills and others leave it whole.

    Args:
        path: What `cache_file` gave.
        tensors: On the CPU.
        note: Text that belongs to them.
    """
    metadata = {"note": note, "sha256": _digest(tensors, note)}
    with suppress(OSError, SafetensorError):
        write_whole(path, lambda temporary: save_file(tensors, temporary, metadata))
    _make_room(path.parent)


def _make_room(directory: Path) -> None:
    """Removes files unused for longest, those that a killed process left half-written too."""
    used = []
    with suppress(OSError):
        for file in (file for file in directory.iterdir() if OURS.fullmatch(file.name)):
            with suppress(OSError):  # another process may have been quicker
                used.append((file.stat().st_mtime_ns, file.stat().st_size, file))
    held = 0
    for _, size, file in sorted(used, reverse=True):
        held += size
        if held > LIMIT_BYTES:
            with suppress(OSError):
                file.unlink()


def _digest(tensors: Tensors, note: str) -> str:
    """What a cache file must hash to: a flipped bit is no other result."""
    digest = hashlib.sha256(note.encode())
    for name in sorted(tensors):
        array = tensors[name].contiguous().numpy()
        digest.update(repr((name, array.shape, array.dtype.str)).encode())
        digest.update(array.data)
    return digest.hexdigest()
