"""Finished cells on disk: one file each, written atomically, with a checksum.

    runs/demo/cells/semharq_-6dB_seed0-<hash>.rows                 a finished point
                    semharq_-6dB_seed0-<hash>-<first>-<stop>.block  a block of one that is not finished
                    plan.json                                      the points of the run
                    holder.json, lock                              the process that runs it

A file is `SHA-256 of the rest \\n identity as JSON \\n payload`. One run at a time uses a directory.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from simulator.files import read_json, write_text_whole, write_whole

CELLS = "cells"


class StoreError(ValueError):
    """The directory is in use or cannot be written to; the message is one line."""


class DamagedError(Exception):
    """A file of a cell differs from what was written."""


class Store:
    """The cells of one run directory.

    Args:
        out: The run's directory. Its cells are in `cells/`.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.root = out, out / CELLS

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Locks the directory, and removes the temporary files of a killed run.

        The operating system keeps the lock, so that it ends with the process, even a killed one.

        Raises:
            StoreError: If another run has the lock; the message says which, where and since when.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / "lock", thread_local=False)
            lock.acquire(timeout=0)
        except Timeout:
            raise StoreError(f"{self.out} is in use by {self.holder() or 'another run'}") from None
        except OSError as error:
            raise self._cannot_write(self.root, error) from None
        try:
            for orphan in (*self.root.glob(".*.*"), *self.out.glob(".*.*")):
                if _TEMPORARY.fullmatch(orphan.name):
                    orphan.unlink(missing_ok=True)
            holder = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
            self.write_json("holder.json", holder)
            yield
        finally:
            with suppress(OSError):
                (self.root / "holder.json").unlink(missing_ok=True)
            lock.release()

    def holder(self) -> str | None:
        """Returns the process that uses the directory, in words; None if there is no record of one."""
        try:
            found = self.read_json("holder.json")
            since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(found["since"]))
            return f"process {int(found['pid'])} on {str(found['host'])[:253]!s} since {since}"
        except (TypeError, KeyError, ValueError, OverflowError, OSError):
            return None

    def in_use(self) -> bool:
        """Whether a run uses the directory; the record of a killed run does not count."""
        try:
            with FileLock(self.root / "lock", timeout=0, thread_local=False):
                return False
        except Timeout:
            return True
        except OSError:  # no such directory, or no right to write to it
            return self.holder() is not None

    def read(self, name: str) -> tuple[dict[str, Any], bytes] | None:
        """Reads identity and payload of a file; None if there is no such file.

        Raises:
            DamagedError: If it differs from what was written.
        """
        path = self.root / name
        try:
            if path.exists() and not path.is_file():
                raise DamagedError(f"{name} is damaged: it is not a file")
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DamagedError(f"{name} cannot be read: {error.strerror}") from None
        checksum, body = data[:65], data[65:]
        if checksum != hashlib.sha256(body).hexdigest().encode() + b"\n":
            raise DamagedError(f"{name} is damaged: its checksum is wrong")
        identity, _, payload = body.partition(b"\n")
        try:
            found = json.loads(identity)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise DamagedError(f"{name} is damaged: it has no identity")
        return found, payload

    def write(self, name: str, identity: dict[str, Any], payload: bytes) -> None:
        """Writes a file atomically.

        Raises:
            StoreError: If the disk is full or cannot be written to.
        """
        head = json.dumps(identity, sort_keys=True, default=repr).encode() + b"\n"
        digest = hashlib.sha256(head)
        digest.update(payload)
        parts = (digest.hexdigest().encode() + b"\n", head, payload)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                file.writelines(parts)

        try:
            write_whole(self.root / name, write)
        except OSError as error:
            raise self._cannot_write(self.root / name, error) from None

    def write_json(self, name: str, value: Any) -> None:
        """Writes a small JSON file atomically."""
        text = json.dumps(value, indent=1) + "\n"
        try:
            write_text_whole(self.root / name, text)
        except OSError as error:
            raise self._cannot_write(self.root / name, error) from None

    def read_json(self, name: str) -> Any:
        """Reads what `write_json` wrote; None if there is no such file, or if it cannot be read."""
        try:
            return read_json(self.root / name)
        except (OSError, ValueError, RecursionError):
            return None

    def names(self, pattern: str) -> list[str]:
        """Returns the names of the files that match, the newest first."""
        found = [path for path in self.root.glob(pattern) if not path.name.startswith(".")]
        return [path.name for path in sorted(found, key=_modified, reverse=True)]

    def remove(self, names: list[str]) -> None:
        """Removes files."""
        for name in names:
            with suppress(OSError):
                (self.root / name).unlink(missing_ok=True)

    def _cannot_write(self, path: Path, error: OSError) -> StoreError:
        kept = len(self.names("*.rows")) + len(self.names("*.block"))
        return StoreError(
            f"{path} cannot be written: {error.strerror}; {kept} finished cells are kept in "
            f"{self.out}; repeat the command to go on"
        )


#: Temporary files that a killed `write_whole` leaves: a dot, the name, eight random characters.
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.(rows|block|json|csv|parquet|png)")


def file_stem(label: str, key: str) -> str:
    """Returns the name of a point's files without suffix: a readable label and a hash.

    >>> file_stem("semharq -6 dB seed 0", "0123abcd")
    'semharq_-6_dB_seed_0-0123abcd'
    """
    return f"{file_label(label)}-{key}"


def file_label(label: str) -> str:
    """Returns a label as the beginning of a file name.

    >>> file_label("my.module:Scheme 1.5 dB")
    'my.module_Scheme_1.5_dB'
    """
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", label)[:120]


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
