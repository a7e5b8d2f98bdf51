"""Hashes of the code that a point's numbers depend on: of what is executed, not of its text.

A file is parsed, and its syntax tree is hashed without docstrings. Comments and formatting are not
part of the tree. So a run recomputes its points after a changed constant or operator, and takes
them up after a changed comment, docstring or line break.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import phy
import semantic
from simulator.cache import cache_file, load_cached, save_cached

#: The folders of the three packages; the last is the one that this file lies in.
PACKAGES = (Path(phy.__path__[0]), Path(semantic.__path__[0]), Path(__file__).parents[1])
#: Files and folders that only show, store, check or train. A file that is not named here counts.
WITHOUT_INFLUENCE = (
    *("semantic/data/synthetic/", "semantic/training/"),
    *("simulator/__init__.py", "simulator/__main__.py", "simulator/api.py", "simulator/cli.py"),
    *("simulator/files.py", "simulator/freed_memory.py", "simulator/hidden_packages.py"),
    *("simulator/stop_rule.py", "simulator/trainings.py"),
    "simulator/trust.py",
    *("simulator/columns.py", "simulator/learned_scheme.py", "simulator/run_fields.py"),
    *(
        "simulator/interactive/",
        "simulator/checks/",
        "simulator/commands/",
        "simulator/frontier/",
        "simulator/papers/",
        "simulator/plots/",
        "simulator/report/",
        "simulator/training/",
    ),
    *(
        f"simulator/results/{name}.py"
        for name in (
            "compare",
            "curve",
            "curve_file",
            "figures",
            "grouping",
            "intervals",
            "line_styles",
        )
    ),
    "simulator/results/significance.py",
    *(
        f"simulator/sweeps/{name}.py"
        for name in (
            "collect",
            "engines",
            "forkserver",
            "imported_code",
            "limits",
            "merge",
            "merge_trainings",
            "plan",
            "pools",
        )
    ),
    *(
        f"simulator/sweeps/{name}.py"
        for name in ("ready_kernels", "records", "seeds", "status", "store", "sweep", "sweepfile")
    ),
    *(f"simulator/sweeps/{name}.py" for name in ("tied", "trainings", "worker", "writable")),
)


@cache
def code_hash(source: bytes) -> str:
    """Returns 16 hexadecimal digits of SHA-256 of what a Python file executes.

    A file that is not valid Python, and therefore cannot be executed, is hashed byte by byte.

    >>> code_hash(b"x = 1  # one") == code_hash(b"'''Doc.'''\\nx = (1)")
    True
    >>> code_hash(b"x = 1") == code_hash(b"x = 2")
    False
    """
    try:
        executed = _executed(ast.parse(source)).encode()
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        executed = source
    return hashlib.sha256(executed).hexdigest()[:16]


def counts(name: str) -> bool:
    """Whether a file of the packages has an influence on the numbers of a point.

    >>> counts("phy/power.py"), counts("simulator/cli.py")
    (True, False)
    """
    return not any(
        name.startswith(entry) if entry.endswith("/") else name == entry
        for entry in WITHOUT_INFLUENCE
    )


@cache
def package_code() -> dict[str, str]:
    """Returns the hash of every file of the three packages that counts.

    Parsing takes half a second. The cache on disk keeps the hashes under one of the sources.
    """
    sources = {}
    for root in PACKAGES:
        for path in sorted(root.rglob("*.py")):
            name = path.relative_to(root.parent).as_posix()
            if counts(name):
                sources[name] = path.read_bytes()
    digests = [(name, hashlib.sha256(source).digest()) for name, source in sources.items()]
    file = cache_file("code", sys.version, digests)
    known = load_cached(file)
    if known is not None:
        kept: dict[str, str] = json.loads(known[1])
        return kept
    found = {name: code_hash(source) for name, source in sources.items()}
    save_cached(file, {}, json.dumps(found))
    return found


def _executed(node: Any) -> str:
    """Returns a syntax tree as text.

    Docstrings are left out, and so are empty fields, which differ between versions of Python.
    """
    if isinstance(node, ast.Constant):
        return repr(repr(node.value))
    if isinstance(node, list):
        return f"[{', '.join(_executed(item) for item in node if not _is_text(item))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = [f"'{type(node).__name__}'"]
    for name in node._fields:
        value = getattr(node, name, None)
        if value is not None and value != []:
            parts.append(f"('{name}', {_executed(value)})")
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _is_text(node: Any) -> bool:
    """Whether a statement is a string alone, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
