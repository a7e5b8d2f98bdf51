"""Code of users that this process has imported: a file that has changed since then is refused.

Python imports a module once. In a notebook, an edited file would therefore run as it was, while its
results would carry the hash of the file as it is, and a later run would take them for its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: A file -> the import of its module, and the hash that it had when it was first seen.
_seen: dict[Path, tuple[Any, str]] = {}


def refuse_edited(hashes: Mapping[Path, str]) -> None:
    """Refuses files that this process has imported with another content.

    Args:
        hashes: A hash of what each file executes.

    Raises:
        ValueError: One line with the file and the remedy. After `importlib.reload` the file counts
            as imported anew.
    """
    new = {path: code for path, code in hashes.items() if _seen.get(path, (None, ""))[1] != code}
    if not new:
        return
    imports = _imports()
    for path, code in new.items():
        name, now = imports.get(path, ("", None))
        then, _ = _seen.get(path, (None, ""))
        if now is not None and now is then:
            raise ValueError(
                f"{path} has changed since this process imported it: start Python again (in a "
                f"notebook, restart the kernel), or call importlib.reload on the module {name}"
            )
        if now is not None:
            _seen[path] = now, code


def _imports() -> dict[Path, tuple[str, Any]]:
    """Returns the file of each module with its name, and what its last import made: its spec."""
    found = {}
    for name, module in list(sys.modules.items()):
        file, spec = getattr(module, "__file__", None), getattr(module, "__spec__", None)
        if isinstance(file, str) and spec is not None:
            found[Path(file)] = name, spec
    return found
