"""Finds a file or folder that hides the package `phy` or `semantic` from Python's imports.

Python searches the directory of a script, or the current directory with `python -m` and in a
notebook, before the installed packages. A file `phy.py` there would be imported instead of the
package, and the error would say that `phy` is not a package.

The command `simulate` and its fork server import the packages beside `simulator`, also when
PYTHONPATH contains the current directory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

#: The packages that `simulator` needs beside itself.
NAMES = ("phy", "semantic")
#: Set for a fork server that starts: the process id of its run.
FORK_SERVER = "SEMHARQ_FORK_SERVER_OF"
#: Exit code of the command line for an error of the user.
USER_ERROR = 2


class _PackagesBesideThis(MetaPathFinder):
    """Finds the packages beside `simulator`, whatever else has their names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(fullname, [_home()]) if fullname in NAMES else None


def find_own_packages() -> None:
    """Makes the imports of `phy` and `semantic` find the packages beside `simulator`, or fail.

    Raises:
        ImportError: One line, if something else has the name of a package.
        SystemExit: The same with `python -m simulator`, after the line was written to stderr.
    """
    program = Path(sys.argv[0] if sys.argv else "").stem
    for name in NAMES:
        place = hidden_by(name)
        if place is None:
            continue
        if program == "simulate" or FORK_SERVER in os.environ:
            sys.meta_path.insert(0, _PackagesBesideThis())
            return
        text = f"`{name}` resolves to {place}, which hides the package: {_remedy(place)}"
        if program == "-m":  # Python's name of `python -m simulator` until it has found the module
            sys.stderr.write(f"simulate: {text}\n")
            sys.exit(USER_ERROR)
        raise ImportError(text, name=name, path=str(place))


def hidden_by(name: str) -> Path | None:
    """Returns the file or folder that Python imports as a package of ours; None if it is ours.

    >>> hidden_by("phy") is None
    True
    """
    try:
        spec = find_spec(name)
    except ValueError:  # a module that was made by hand: it is meant
        return None
    if spec is None:  # the import itself says so
        return None
    folder = next(iter(spec.submodule_search_locations or ()), None)
    place = spec.origin or folder
    if place is None or (folder and _same(os.path.dirname(folder), _home())):  # noqa: PTH120
        return None
    return Path(place)


def _home() -> str:
    """The folder of the three packages."""
    return os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 -- as text, perhaps in a zip


def _same(a: str, b: str) -> bool:
    return os.path.realpath(a) == os.path.realpath(b)


def _remedy(place: Path) -> str:
    folder = place.parents[1] if place.name == "__init__.py" else place.parent
    named = os.environ.get("PYTHONPATH")
    if named and any(_same(entry or ".", str(folder)) for entry in named.split(os.pathsep)):
        return "rename it or take its folder off PYTHONPATH"
    return "rename it or run `simulate`"
