"""Parts of users: import strings "package.module:attribute", and entry points of packages."""

from __future__ import annotations

import importlib
import os
import re
import sys
from functools import reduce
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from semantic.parts.errors import message, place
from semantic.parts.files import OURS, recorded_import
from semantic.suggest import nearest

#: Entry point group of each kind of part, as written in a user's own pyproject.toml.
GROUPS = {
    "channel": "semharq_sim.channels",
    "scheme": "semharq_sim.schemes",
    "data set": "semharq_sim.data",
    "codec": "semharq_sim.codecs",
}


def installed(kind: str) -> dict[str, str]:
    """Returns the names that installed packages provide, with the import string of each.

    Args:
        kind: A key of `GROUPS`.
    """
    return {
        point.name: f"{point.module}:{point.attr}" for point in entry_points(group=GROUPS[kind])
    }


def is_import_string(name: str) -> bool:
    """Returns whether a name is an import string "package.module:attribute".

    >>> [is_import_string(name) for name in ("a.b:C", "veri:/data", "photos", "C:\\\\photos")]
    [True, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", name) is not None


def refuse_file_name(kind: str, name: str) -> None:
    """Refuses "file.py:attribute", of which Python makes no module.

    Raises:
        ValueError: One line with the import string that is meant.

    >>> refuse_file_name("channel", "parts/mine.py:Mine")
    Traceback (most recent call last):
    ValueError: channel 'parts/mine.py:Mine' names a file: write mine:Mine, from the folder of the file
    """
    found = re.fullmatch(r"(?:.*[/\\\\])?([^/\\\\:]+)\.py(:.*)?", name)
    if found:
        meant = f"{found[1]}{found[2] or ':NAME'}"
        raise ValueError(
            f"{kind} {name!r:.200} names a file: write {meant:.200}, from the folder of the file"
        )


def _refuse_namesake(problem: str, module: Any, here: str) -> None:
    """Refuses a module of which the current directory has another one of the same name.

    Python imports a name once in a process, and finds a library before the current directory.

    Raises:
        ValueError: One line with both files.
    """
    top = module.__name__.partition(".")[0]
    near = [Path(here) / f"{top}.py", Path(here) / top / "__init__.py"]
    beside = next((path for path in near if path.is_file()), None)
    used = getattr(sys.modules.get(top), "__file__", None)
    if beside is None or used is None or not Path(used).is_file() or beside.samefile(used):
        return
    raise ValueError(f"{problem}: {used} has the name of {beside}; rename one of them")


def load(kind: str, name: str, target: str) -> Any:
    """Imports "package.module:attribute".

    The current directory is searched last. Python does not search it for console scripts, but a
    file beside the user's data should be enough.

    Args:
        kind: Kind of the part, for the message.
        name: Name that the user gave, for the message.
        target: The import string.

    Raises:
        ValueError: The import fails; the message gives the cause and the nearest name in the module.

    >>> load("channel", "mine", "math:sqrt")(9.0)
    3.0
    """
    here = str(Path.cwd())
    if not {"", here} & set(sys.path):
        sys.path.append(here)
    refuse_file_name(kind, name)
    module_name, _, attribute = target.partition(":")
    problem = f"{kind} {name!r} cannot be imported"
    try:
        with recorded_import(module_name):
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # a user's module can raise anything when imported
        text = f"{type(error).__name__}: {message(error)}"
        raise ValueError(f"{problem}: {text}{place(error)}") from error
    finally:
        os.chdir(here)  # a module that changes it must not move the run's relative paths
    if name == target and module_name.partition(".")[0] not in OURS:
        _refuse_namesake(problem, module, here)
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError:
        public = [n for n in vars(module) if not n.startswith("_")]
        hint = nearest(attribute, public, "")
        raise ValueError(f"{problem}: module {module_name} has no {attribute!r}{hint}") from None
