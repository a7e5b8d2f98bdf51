"""Where the bytes of an image are, and the hash of what is read there."""

from __future__ import annotations

import errno
import hashlib
import io
import stat
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from semantic.data.filenames import printable

#: Stands for the hash of an image that cannot be read.
UNREADABLE = b"unreadable"
#: The largest file that is read as an image; 50 million pixels of any kind need less.
MAX_BYTES = 2**28


@dataclass(frozen=True)
class ImageFile:
    """Where the bytes of one image are: a file, or a member of a zip archive.

    Attributes:
        name: what messages call the image, relative to the root of its set; bytes that are not
            UTF-8 are escaped (`\\xba`).
        path: the file, or the archive.
        member: the name inside the archive; None for a plain file.
    """

    name: str
    path: Path
    member: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", printable(self.name))

    def read(self) -> bytes:
        """The encoded image.

        Raises:
            OSError: if the file or the archive cannot be read, or is no regular file of at most
                256 MiB.
        """
        try:
            state = self.path.stat()
        except ValueError as error:  # a null character in the name
            raise FileNotFoundError(errno.ENOENT, "no such file") from error
        if self.member is None:
            if stat.S_ISREG(state.st_mode) and state.st_size > MAX_BYTES:
                raise OSError(errno.EFBIG, f"more than {MAX_BYTES >> 20} MiB")
            if not stat.S_ISREG(state.st_mode):  # a device or a pipe could be read for ever
                raise OSError(errno.EINVAL, "not a regular file")
            return self.path.read_bytes()
        try:
            return _archive(self.path, state.st_mtime_ns, state.st_size).read(self.member)
        except (KeyError, BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise OSError(f"{self.path}: {error}") from error


@lru_cache(maxsize=2)
def _archive(path: Path, mtime_ns: int, size: int) -> ZipFile:
    # Opening a zip parses its whole directory, too slow once per image. It is kept in memory
    # because forked workers that share a file descriptor would also share its position.
    del mtime_ns, size  # part of the key only: a rewritten file is another archive
    return ZipFile(io.BytesIO(path.read_bytes()))


@lru_cache(maxsize=1 << 14)
def _member_hash(file: ImageFile, mtime_ns: int, size: int) -> bytes:
    """Returns the hash of an image of an archive, which is kept as long as the archive is."""
    del mtime_ns, size  # as for `_archive`
    return digest(content(file))


def content(file: ImageFile) -> bytes:
    """Returns what a file, which may be of a user's own class, reads.

    Raises:
        OSError: If it cannot be read.
        ValueError: If what it reads is no bytes.
    """
    found: object = file.read()
    if not isinstance(found, (bytes, bytearray, memoryview)):
        raise ValueError(f"{file.name}: read() gave a {type(found).__name__}, it must give bytes")
    return bytes(found)


def digest(read: bytes | None) -> bytes:
    """Returns SHA-256 of the bytes of an image, `UNREADABLE` for None."""
    return UNREADABLE if read is None else hashlib.sha256(read).digest()


def hash_of(file: ImageFile) -> bytes:
    """Returns SHA-256 of the bytes of a file, `UNREADABLE` if it cannot be read."""
    try:
        if type(file) is ImageFile and file.member is not None:
            state = file.path.stat()
            return _member_hash(file, state.st_mtime_ns, state.st_size)
        return digest(content(file))
    except OSError:  # reported when the images are loaded
        return UNREADABLE
