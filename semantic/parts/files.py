"""Files that a user's own part depends on: those that it declares, and those that it is seen to open.

A part declares its files in the attribute `files`. While a part is imported and made, an audit hook
of Python also sees the files that the user's code opens for reading. Compiled code that opens a
file by itself, as safetensors does, is not seen: such a file has to be declared, or be an argument.
"""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

#: Packages whose own reads are hashed elsewhere: images, weights, the cache.
OURS = ("phy", "semantic", "simulator")
#: Code, which is hashed as code, and what Python and numba compile from it.
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".nbi", ".nbc")


def library_folders(path: Iterable[str]) -> tuple[str, ...]:
    """Returns the folders of Python and its libraries, each with a separator at its end.

    Args:
        path: Where Python finds modules. An environment may see the libraries of the user and of
            the system beside its own.

    >>> library_folders(["/home/me", "/home/me/.local/lib/python3.11/site-packages"])[-1]
    '/home/me/.local/lib/python3.11/site-packages/'
    """
    own = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    others = (one for one in path if Path(one).name in ("site-packages", "dist-packages"))
    return tuple(dict.fromkeys(f"{folder}{os.sep}" for folder in (*own, *others)))


#: Folders of Python, its libraries and the operating system.
_LIBRARIES = library_folders(sys.path)
_SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/share/", "/usr/lib/")

#: Top-level packages of users' parts, which may be installed among the libraries.
_users_own: set[str] = set()
#: Files that a module read while it was imported, which happens once in a process.
_at_import: dict[str, Reading] = {}
#: Files that a part read in this process, and may now hold in its memory -> module that read each.
_earlier: dict[str, dict[str, str]] = {}
#: SHA-256 of each file when code of a user's last read it in this process.
_content: dict[str, str] = {}
_active: ContextVar[tuple[Reading, ...]] = ContextVar("_active", default=())


@dataclass
class Reading:
    """The files of a part.

    Attributes:
        declared: Files that the part names in `files`, or that its arguments name.
        seen: Files that the user's code opened for reading -> module that opened each.
        since: Time of the first record: later files are the part's own temporary files.
        part: Name of the part; what it read earlier in this process, and does not read again,
            counts as well. "" for no such part.
        opened: Files that were opened since the last call of `active`.
    """

    declared: dict[str, None] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    since: float = field(default_factory=time.time)
    part: str = ""
    opened: set[str] = field(default_factory=set)

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, as absolute paths."""
        return tuple(sorted({*self.declared, *self.seen}))

    @property
    def undeclared(self) -> dict[str, str]:
        """The files of `seen` that are not declared."""
        return {path: module for path, module in self.seen.items() if path not in self.declared}

    @contextmanager
    def active(self) -> Iterator[Reading]:
        """Records the files of the code in the body."""
        token = _active.set((*_active.get(), self))
        try:
            yield self
        finally:
            _active.reset(token)
            _content.update(file_hashes(self.opened))
            self.opened.clear()
            if self.part:
                # A file that an argument names belongs to the part with that argument alone.
                known = {**_earlier.get(self.part, {}), **self.seen}
                self.seen = known
                _earlier[self.part] = {p: m for p, m in known.items() if p not in self.declared}


@contextmanager
def recorded_import(module: str) -> Iterator[None]:
    """Records what a user's own module reads while it is imported, also if that was earlier."""
    if module.partition(".")[0] not in OURS:
        _users_own.add(module.partition(".")[0])
    if module in sys.modules:
        yield
    else:
        _at_import[module] = Reading()
        with _at_import[module].active():
            yield
    for reading in _active.get():
        reading.seen.update(_at_import.get(module, Reading()).seen)


def refuse_other_content(hashes: Mapping[str, str]) -> None:
    """Refuses files of which this process has read another content than they should have.

    A part may read a file once and keep what it has read: in a module's variable, or in a cache. In
    a notebook, or in a worker that lives longer than a run, the file may have changed since then.

    Args:
        hashes: The SHA-256 that each file should have, by path.

    Raises:
        ValueError: One line with the file and the remedy.
    """
    for path, sha in hashes.items():
        if _content.get(path, sha) != sha:
            raise ValueError(
                f"{path} has changed since this process read it: start Python again (in a "
                "notebook, restart the kernel; on a cluster, restart the workers)"
            )


def declare(kind: str, name: str, part: Any, arguments: Mapping[str, Any]) -> None:
    """Records the files that a part declares, and those that its arguments name.

    Args:
        kind: Kind of the part, for the message.
        name: Its name, for the message.
        part: The part; its attribute `files` is a path or a sequence of paths.
        arguments: Its arguments. A text that is the path of a file names that file.

    Raises:
        ValueError: One line, if a declared file does not exist.
    """
    named = [v for v in arguments.values() if isinstance(v, (str, Path)) and _is_file(v)]
    for path in (*_as_paths(kind, name, getattr(part, "files", ())), *named):
        for reading in _active.get():
            reading.declared[_absolute(path)] = None


def file_hashes(paths: Iterable[str]) -> dict[str, str]:
    """Returns SHA-256 of files by their paths; "missing" for a file that cannot be read."""
    return {path: _sha256(path) for path in paths}


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """Returns a name for each path: the file's own name, unless two files have it.

    >>> short_names(["/a/pca.pt", "/a/x.npy", "/b/x.npy"])
    {'/a/pca.pt': 'pca.pt', '/a/x.npy': '/a/x.npy', '/b/x.npy': '/b/x.npy'}
    """
    all_paths = list(paths)
    names = [Path(path).name for path in all_paths]
    return {
        path: name if names.count(name) == 1 else path
        for path, name in zip(all_paths, names, strict=True)
    }


def named_hashes(paths: Iterable[str]) -> dict[str, str]:
    """Returns SHA-256 of files by their short names."""
    hashes = file_hashes(paths)
    return {name: hashes[path] for path, name in short_names(hashes).items()}


def _as_paths(kind: str, name: str, files: Any) -> list[str | Path]:
    given = [files] if isinstance(files, (str, Path)) else files
    if not isinstance(given, (list, tuple, set, frozenset)):
        return []  # a part from before this contract may use the name for something else
    if not all(isinstance(file, (str, Path)) for file in given):
        raise ValueError(f"{kind} {name}: files is {given!r}, it must be a list of paths")
    for file in given:
        if not _is_file(file):
            raise ValueError(f"{kind} {name}: files has {str(file)!r}, which is not a file")
    return list(given)


def _absolute(path: str | Path) -> str:
    """Returns an absolute path without following links, which may be part of the user's names."""
    return os.path.abspath(path)  # noqa: PTH100


def _is_file(path: str | Path) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a text that cannot be a path
        return False


def _sha256(path: str) -> str:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """Records an opened file; an audit hook that raises would make `open` fail."""
    if event != "open":
        return
    path, _, flags = arguments
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    if writes or not isinstance(path, (str, bytes, os.PathLike)):
        return
    name = os.fsdecode(path)
    module = None if name.endswith(_CODE) else _users_module(sys._getframe(1))
    if module is None:
        return
    name, readings = _absolute(name), _active.get()
    for reading in readings or _being_imported(sys._getframe(1)):
        if name in reading.seen or _counts(name, reading.since):
            reading.seen.setdefault(name, module)
            reading.opened.add(name)
            if not readings:
                _content[name] = _sha256(name)


def _being_imported(frame: FrameType | None) -> Iterator[Reading]:
    """Yields the record of each module of a user's that is imported now, outside of a run."""
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if frame.f_code.co_name == "<module>" and name != "__main__" and is_users_code(frame):
            found = _at_import.setdefault(str(name), Reading())
            found.since = time.time()  # of another import than the last one, perhaps
            yield found
        frame = frame.f_back


def _users_module(frame: FrameType | None) -> str | None:
    """Returns the user's module that has called this code; None if the simulator has."""
    while frame is not None:
        if _top(frame) in OURS:
            return None
        if is_users_code(frame):
            return str(frame.f_globals.get("__name__"))
        frame = frame.f_back
    return None


def is_users_code(frame: FrameType) -> bool:
    """Returns whether a frame runs code of a user: neither of the simulator nor of a library."""
    top = _top(frame)
    library = frame.f_code.co_filename.startswith(("<", *_LIBRARIES))
    return top not in OURS and (top in _users_own or not library)


def _top(frame: FrameType) -> str:
    """The top-level package of the code of a frame."""
    return str(frame.f_globals.get("__name__")).partition(".")[0]


def _counts(path: str, since: float) -> bool:
    """Whether an opened file can be an input of a part: neither code nor library nor temporary."""
    if path.endswith(_CODE) or path.startswith(_SYSTEM):
        return False
    inside = next((folder for folder in _LIBRARIES if path.startswith(folder)), None)
    if inside and path[len(inside) :].partition(os.sep)[0] not in _users_own:
        return False
    return _is_file(path) and Path(path).stat().st_mtime <= since


sys.addaudithook(_audit)  # it cannot be removed
