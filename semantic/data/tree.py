"""The files below a directory: links are followed, and every file that is passed over is named.

root -> sub-folders -> links to folders -> names of images + one line for each file left out
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path

from semantic.data.filenames import printable

#: The suffixes of images: those that Pillow knows for the formats of `semantic.data.images`.
SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib"),
    *(".tif", ".tiff", ".gif", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    *(".jp2", ".j2k", ".jpc", ".jpf", ".jpx", ".j2c", ".avif", ".avifs"),
)
#: Bytes of the longest file of labels: about a million images.
MOST_LABEL_BYTES = 64 * 2**20
#: Names that the line about other suffixes shows.
SHOWN = 3


def is_directory(path: Path) -> bool:
    """Returns whether a path is a directory; ValueError if the system does not let one look."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def read_labels(path: Path) -> bytes:
    """Returns the content of a file of labels.

    Raises:
        ValueError: If it cannot be read, or is longer than any such file: /dev/zero never ends.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MOST_LABEL_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > MOST_LABEL_BYTES:
        raise ValueError(f"{path}: longer than {MOST_LABEL_BYTES >> 20} MiB, the most for labels")
    return data


def is_file(path: Path) -> bool:
    """Returns whether a path is a regular file; ValueError if the system does not let one look."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def exists(path: Path) -> bool:
    """Returns whether there is something at a path; ValueError if one may not look."""
    return _mode(path) is not None


def reachable(path: Path) -> bool:
    """Returns whether a path is a regular file that the system lets one look at."""
    try:
        return is_file(path)
    except ValueError:
        return False


def check_directory(path: Path) -> None:
    """Refuses anything but a directory, in one line."""
    if not is_directory(path):
        what = "not a directory" if exists(path) else "no such directory"
        raise ValueError(f"{printable(str(path))}: {what}")


def neighbors(path: Path) -> list[str]:
    """Returns the names beside a path, for a hint; none where they cannot be read."""
    try:
        return [printable(entry.name) for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return []


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ValueError(f"{printable(str(path))}: cannot be read: {error.strerror}") from error
    except ValueError:  # a null character, which no name has
        return None


def list_images(root: Path) -> tuple[list[str], list[str]]:
    """Lists all images below a directory.

    Links to directories are followed, each directory once. Hidden names (``.*``, ``__*``) are no
    part of the set.

    Returns:
        names: Paths below the root, sorted, "/" between parts.
        problems: One line for each image or folder that is left out, and one for all files whose
            suffix is not that of an image.

    Raises:
        ValueError: The root itself cannot be read.
    """
    walk = _Walk(root)
    walk.visit("")
    while walk.links:  # after all real folders, so that an image keeps the name of its own place
        walk.visit(walk.links.pop(0))
    problems = sorted(walk.problems)
    if walk.others:
        others = sorted(walk.others)
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        shown = ", ".join(printable(name) for name in others[:SHOWN])
        problems.append(f"{len(others)} files without the suffix of an image: {shown}{more}")
    return sorted(walk.images), problems


@dataclass
class _Walk:
    """One pass over a directory and all below it."""

    root: Path
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    seen: set[tuple[int, int]] = field(default_factory=set)

    def visit(self, first: str) -> None:
        """Reads a folder and the real folders below it; links to folders wait in `links`."""
        waiting = [first]
        while waiting:
            folder = waiting.pop()
            try:
                state = (self.root / folder).stat()
                if (state.st_dev, state.st_ino) in self.seen:
                    self._leave_out(folder, "a link to a folder that is already read")
                    continue
                self.seen.add((state.st_dev, state.st_ino))
                with os.scandir(self.root / folder) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if not folder:
                    where = printable(str(self.root))
                    raise ValueError(f"{where}: cannot be read: {error.strerror}") from error
                self._leave_out(folder, f"cannot be read: {error.strerror}")
                continue
            for entry in found:
                if entry.name.startswith((".", "__")):
                    continue
                name = f"{folder}/{entry.name}" if folder else entry.name
                if _is_folder(entry):
                    (self.links if entry.is_symlink() else waiting).append(name)
                else:
                    self._take(name)

    def _take(self, name: str) -> None:
        if Path(name).suffix.lower() not in SUFFIXES:
            self.others.append(name)
            return
        try:
            if is_file(self.root / name):
                self.images.append(name)
            else:
                self._leave_out(name, "cannot be read: no regular file is there")
        except ValueError as error:
            self.problems.append(str(error))

    def _leave_out(self, name: str, why: str) -> None:
        self.problems.append(f"{printable(name)}: {why}")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of links, or a place that cannot be reached
        return False
