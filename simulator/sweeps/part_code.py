"""The code of a user's own part: of its module, and of all code of the user's that this imports."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from semantic.parts.files import library_folders
from simulator.sweeps.code_identity import PACKAGES, code_hash
from simulator.sweeps.code_references import References, references

#: Folders of Python and of installed libraries.
LIBRARY_FOLDERS = tuple(map(Path, library_folders(sys.path)))
#: Suffixes of source and of compiled code, which is hashed byte by byte.
CODE = (".py", ".so", ".pyd")
#: Files of a package up to which all of them count: a part may be of a large library.
MOST_FILES = 500


@dataclass(frozen=True)
class PartCode:
    """The code of a user's own part.

    Attributes:
        hashes: A hash for each file, and for the value of each environment variable that one reads.
        computed: One text for each place that takes code or a variable by a computed name, which
            therefore cannot be hashed.
        files: The hash of each file by its path.
    """

    hashes: dict[str, str]
    computed: tuple[str, ...]
    files: dict[Path, str] = field(default_factory=dict, compare=False)


def not_noticed(texts: Iterable[str]) -> str:
    """Returns the warning for texts of `PartCode.computed`."""
    return (
        "results depend on something that is not recorded, so that a change of it is not noticed: "
        f"{'; '.join(texts)}; see docs/extend.md"
    )


def module_code(part: Any, named: str = "") -> dict[str, str]:
    """Returns the hashes of a user's own part, see `part_code`."""
    return part_code(part, named).hashes


def part_code(part: Any, named: str = "") -> PartCode:
    """Returns a user's own part and all code of the user's that it imports.

    Args:
        part: A class or a function, or a partial function.
        named: Module in which the part was found by its name. It may hold what another module
            makes: `Mine = partial(other.make, gain=3)`.

    Returns:
        A hash for the module of the part, of its base classes, and of every module that one of
        these imports, directly or not, and of all modules of their packages. A module that is
        imported inside a function counts before that function is called, and so does one that is
        named as a constant in a call such as `importlib.import_module("x")`. Modules of the three
        packages, of Python and of installed libraries are left out, but for the package of the part
        itself, which may be installed. Empty for a part of the three packages.
    """
    part = getattr(part, "func", part)
    kinds = part.__mro__ if isinstance(part, type) else (part,)
    first = {getattr(kind, "__module__", "") or "" for kind in kinds} | {named}
    waiting = set(first)
    own = {name.partition(".")[0] for name in (getattr(part, "__module__", ""), named) if name}
    files: dict[Path, _File] = {}
    found: dict[Path, References] = {}
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        done.add(name)
        module = sys.modules.get(name) or _not_yet_imported(name)
        file = _users_file(module, own)
        if module is None or file is None:
            continue
        files |= _files_beside(module, file)
        while new := files.keys() - found.keys():
            found |= {path: references(path.read_bytes(), files[path].package) for path in new}
            files |= {p: f for path in new for p, f in _run_by_path(path, found[path]).items()}
        waiting |= {name for one in found.values() for name in one.modules}
        waiting = (waiting | _values(module)) - done
    codes = {path: code_hash(path.read_bytes()) for path in sorted(files)}
    hashes = {files[path].name: code for path, code in codes.items()}
    hashes |= _variables(found.values())
    computed = {f"{files[path].name}: {text}" for path in files for text in found[path].computed}
    computed |= {f"module {name} has no source file" for name in first if _has_no_file(name)}
    return PartCode(hashes, tuple(sorted(computed)), codes)


class _File(NamedTuple):
    """A Python file: a name that no place is part of, and its package, "" for none."""

    name: str
    package: str = ""


def _variables(found: Iterable[References]) -> dict[str, str]:
    """A hash of the value of each environment variable: it may be a secret, so it is not kept."""
    names = sorted({name for one in found for name in one.variables})
    values = {name: os.environ.get(name) for name in names}
    return {
        f"environment variable {name}": hashlib.sha256(
            b"" if value is None else b"=" + os.fsencode(value)
        ).hexdigest()[:16]
        for name, value in values.items()
    }


def _run_by_path(file: Path, found: References) -> dict[Path, _File]:
    """The files that a file runs by their paths, beside it or in the current directory."""
    places = ((Path(where) / path, path) for path in found.paths for where in (file.parent, ""))
    return {place.resolve(): _File(path) for place, path in places if place.is_file()}


def _not_yet_imported(name: str) -> ModuleType | None:
    """The module of a name as it will be imported, not executed; None if there is none.

    Of a package it is the package itself, because finding a module inside would import the package.
    """
    top = name.partition(".")[0]
    if top in sys.modules:  # all files of a package count with the package
        return sys.modules[top]
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    module = ModuleType(top)  # empty: compiled code would run if it were made of the spec
    module.__file__, module.__package__ = spec.origin, spec.parent
    if spec.submodule_search_locations is not None:
        module.__path__ = list(spec.submodule_search_locations)
    return module


def _has_no_file(name: str) -> bool:
    """Whether a module was made without a file: in a notebook, by a program, from an archive."""
    module = sys.modules.get(name)
    if module is None or name in sys.builtin_module_names or hasattr(module, "__path__"):
        return False
    file = getattr(module, "__file__", None)
    return file is None or not Path(file).is_file()


def _users_file(module: ModuleType | None, own: set[str]) -> Path | None:
    """The file of a module that is neither ours nor Python's nor a library's; it may be compiled.

    Of a package without `__init__.py`, it is the place where that file would be.

    Args:
        module: The module.
        own: Names of the packages or modules of the part, which count wherever they are installed.
    """
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    folders = getattr(module, "__path__", None)  # anything, in a module that makes its names up
    if file is None and isinstance(folders, Iterable):
        file = next((str(Path(folder) / "__init__.py") for folder in folders), None)
    top = name.partition(".")[0]
    if file is None or top in {root.name for root in PACKAGES}:
        return None
    path = Path(file)
    library = top not in own and any(path.is_relative_to(root) for root in LIBRARY_FOLDERS)
    return None if library else path


def _files_beside(module: ModuleType, file: Path) -> dict[Path, _File]:
    """The file of a module, or all files of its package."""
    top = module.__name__.split(".")[0]
    if not getattr(module, "__package__", None):
        own = _File(f"{module.__name__}/{file.name}")
        return {file: own} if file.is_file() else {}  # torch.classes names a file that is not there
    depth = len(module.__name__.split(".")) - (file.name != "__init__.py")
    root = file.parents[depth - 1] if depth else file.parent
    found = {
        path: _File(
            f"{top}/{path.relative_to(root).as_posix()}",
            ".".join((top, *path.parent.relative_to(root).parts)),
        )
        for path in root.rglob("*")
        if path.suffix in CODE and path.is_file()
    }
    if len(found) <= MOST_FILES:
        return found
    return {path: one for path, one in found.items() if path == file}


def _values(module: ModuleType) -> set[str]:
    """Names of the modules that a module holds, or of which it holds a value."""
    found = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for value in list(vars(module).values())
    }
    return {name for name in found if isinstance(name, str) and name}
