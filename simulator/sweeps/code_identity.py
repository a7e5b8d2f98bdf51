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
import sysconfig
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from types import ModuleType
from typing import Any

import phy
import semantic
import simulator
from simulator.cache import cache_file, load_cached, save_cached

#: The folders of the three packages.
PACKAGES = tuple(Path(package.__path__[0]) for package in (phy, semantic, simulator))
#: Folders of Python and of installed libraries.
LIBRARY_FOLDERS = tuple(
    {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)
#: Files of a package up to which all of them count: a part may be of a large library.
MOST_FILES = 500
#: Files and folders that only show, store, check or train. A file that is not named here counts.
WITHOUT_INFLUENCE = (
    *("semantic/data/synthetic/", "semantic/training/"),
    *("simulator/__init__.py", "simulator/__main__.py", "simulator/api.py", "simulator/cli.py"),
    *("simulator/files.py", "simulator/hidden_packages.py"),
    *("simulator/stop_rule.py", "simulator/trainings.py"),
    "simulator/trust.py",
    *("simulator/columns.py", "simulator/learned_scheme.py", "simulator/run_fields.py"),
    *(
        "simulator/interactive/",
        "simulator/checks/",
        "simulator/commands/",
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
            "limits",
            "merge",
            "merge_trainings",
            "plan",
            "pools",
        )
    ),
    *(
        f"simulator/sweeps/{name}.py"
        for name in ("records", "seeds", "status", "store", "sweep", "sweepfile", "tied")
    ),
    *(f"simulator/sweeps/{name}.py" for name in ("trainings", "worker", "writable")),
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
        executed = repr(_executed(ast.parse(source))).encode()
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


def module_code(part: Any) -> dict[str, str]:
    """Returns the hashes of a user's own part and of all code of the user's that it imports.

    Args:
        part: A class or a function, or a partial function.

    Returns:
        A hash for the module of the part, of its base classes, and of every module that one of
        these imports, directly or not, and of all modules of their packages. A module that is
        imported inside a function counts before that function is called. Modules of the three
        packages, of Python and of installed libraries are left out, but for the package of the part
        itself, which may be installed. Empty for a part of the three packages.
    """
    part = getattr(part, "func", part)
    kinds = part.__mro__ if isinstance(part, type) else (part,)
    waiting = {getattr(kind, "__module__", "") or "" for kind in kinds}
    own = (getattr(part, "__module__", "") or "").partition(".")[0]
    files: dict[Path, str] = {}
    done: set[str] = set()
    while waiting:
        name = waiting.pop()
        done.add(name)
        module = sys.modules.get(name) or _not_yet_imported(name)
        file = _users_file(module, own)
        if module is None or file is None:
            continue
        files |= _files_beside(module, file)
        waiting |= _imports(module) - done
    return {name: code_hash(path.read_bytes()) for path, name in sorted(files.items())}


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


def _users_file(module: ModuleType | None, own: str) -> Path | None:
    """The source file of a module that is neither ours nor Python's nor a library's.

    Of a package without `__init__.py`, it is the place where that file would be.

    Args:
        module: The module.
        own: Name of the package or module of the part, which counts wherever it is installed.
    """
    name, file = getattr(module, "__name__", ""), getattr(module, "__file__", None)
    folders = getattr(module, "__path__", None)  # anything, in a module that makes its names up
    if file is None and isinstance(folders, Iterable):
        file = next((str(Path(folder) / "__init__.py") for folder in folders), None)
    top = name.partition(".")[0]
    if file is None or top in {root.name for root in PACKAGES}:
        return None
    path = Path(file)
    library = top != own and any(path.is_relative_to(root) for root in LIBRARY_FOLDERS)
    return None if path.suffix != ".py" or library else path


def _files_beside(module: ModuleType, file: Path) -> dict[Path, str]:
    """The file of a module, or all files of its package, with names that no place is part of."""
    top = module.__name__.split(".")[0]
    if not getattr(module, "__package__", None):
        return {file: f"{module.__name__}/{file.name}"}
    depth = len(module.__name__.split(".")) - (file.name != "__init__.py")
    root = file.parents[depth - 1] if depth else file.parent
    found = {path: f"{top}/{path.relative_to(root).as_posix()}" for path in root.rglob("*.py")}
    return found if len(found) <= MOST_FILES else {file: found[file]}


def _imports(module: ModuleType) -> set[str]:
    """Names of the modules that a module has imported, or of which it has taken a name."""
    found = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        for value in list(vars(module).values())
    }
    file = Path(str(getattr(module, "__file__", None)))
    source = file.read_bytes() if file.is_file() else b""  # a package may have no file of its own
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            parent = getattr(module, "__package__", "") or ""
            base = resolve_name(base, parent) if node.level and parent else base
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return {name for name in found if isinstance(name, str) and name}


def _executed(node: Any) -> Any:
    """Returns a syntax tree as nested tuples and lists.

    Docstrings are left out, and so are empty fields, which differ between versions of Python.
    """
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, ast.AST):
        filled = [(k, v) for k, v in ast.iter_fields(node) if v is not None and v != []]
        return type(node).__name__, *((name, _executed(value)) for name, value in filled)
    if isinstance(node, list):
        return [_executed(item) for item in node if not _is_text(item)]
    return node


def _is_text(node: Any) -> bool:
    """Whether a statement is a string alone, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
