"""What users bring: "package.module:attribute", and the entry points of installed packages."""

from __future__ import annotations

import importlib
import re
import sys
from functools import reduce
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from semantic.suggest import nearest

#: Entry point group of each kind of part, read in the pyproject.toml of a user's own package.
GROUPS = {
    "channel": "semharq_sim.channels",
    "scheme": "semharq_sim.schemes",
    "data set": "semharq_sim.data",
    "codec": "semharq_sim.codecs",
}


def installed(kind: str) -> dict[str, str]:
    """Names that installed packages bring, and "package.module:attribute" of each.

    Args:
        kind: A key of `GROUPS`.
    """
    return {
        point.name: f"{point.module}:{point.attr}" for point in entry_points(group=GROUPS[kind])
    }


def is_import_string(name: str) -> bool:
    """Whether a name is "package.module:attribute".

    >>> [is_import_string(name) for name in ("a.b:C", "veri:/data", "photos", "C:\\\\photos")]
    [True, False, False, False]
    """
    return re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", name) is not None


def load(kind: str, name: str, target: str) -> Any:
    """Imports "package.module:attribute"; the current directory is searched too, last.

    A console script does not search it by itself, and a file beside one's data should be enough.

    Args:
        kind: What the message calls it.
        name: What the user wrote.
        target: Where it is.

    Raises:
        ValueError: One line: what cannot be imported and why, with the nearest name in the module.
    """
    here = str(Path.cwd())
    if not {"", here} & set(sys.path):
        sys.path.append(here)
    module_name, _, attribute = target.partition(":")
    problem = f"{kind} {name!r} cannot be imported"
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # a user's module can raise anything while it is imported
        raise ValueError(f"{problem}: {type(error).__name__}: {error}") from error
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError:
        public = [n for n in vars(module) if not n.startswith("_")]
        hint = nearest(attribute, public, "")
        raise ValueError(f"{problem}: module {module_name} has no {attribute!r}{hint}") from None
