"""Atomic writes: a file is either complete or not there."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from semantic.data.json_text import read_json_text

#: Age in seconds at which a temporary file has no process that still writes it.
ABANDONED_S = 3600.0
#: Most bytes of a text file that is read.
MOST_TEXT_BYTES = 64 * 2**20
#: Temporary files of the library safetensors.
_THEIRS = re.compile(r"\.tmp\w{6}")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Writes a file atomically.

    Args:
        path: The file.
        write: Called with a temporary path of the same suffix, which is then renamed to `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """Writes a text file atomically."""

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, write)


def read_text(path: Path) -> str:
    """Reads a text file as UTF-8, with or without a byte order mark, whatever the locale says.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not UTF-8, or longer than any file of settings: /dev/zero never ends.
    """
    with path.open("rb") as file:
        data = file.read(MOST_TEXT_BYTES + 1)
    if len(data) > MOST_TEXT_BYTES:
        raise ValueError(f"it is longer than {MOST_TEXT_BYTES >> 20} MiB")
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def read_json(path: Path) -> Any:
    """Reads a JSON file, see `semantic.data.json_text`.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no JSON, or has a key twice.
        RecursionError: If it is nested too deeply.
    """
    return read_json_text(read_text(path))


def leftovers(directory: Path, own: re.Pattern[str]) -> Iterator[Path]:
    """Yields temporary files that killed processes have left in a directory.

    Args:
        directory: Where they are; subdirectories are not searched.
        own: The pattern of the names of our own temporary files. Those of safetensors, `.tmp` and
            six characters, are found too, if their content is that of a safetensors file.
    """
    for path in directory.iterdir():
        ours = own.fullmatch(path.name) is not None
        with suppress(OSError):  # another process may have been quicker
            if ours or (_THEIRS.fullmatch(path.name) and _is_safetensors(path)):
                yield path


def remove_abandoned(files: Iterable[Path]) -> int:
    """Removes those of some temporary files that are too old to belong to a living process.

    Returns:
        The number of removed files.
    """
    removed = 0
    for path in files:
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime >= ABANDONED_S and not path.is_dir():
                path.unlink()
                removed += 1
    return removed


def _is_safetensors(path: Path) -> bool:
    """Whether a file begins as safetensors does: the length of a JSON object, and its brace."""
    with path.open("rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < 10**8
