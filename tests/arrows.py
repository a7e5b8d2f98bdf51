"""Where the imports of a source text lead: to which files of phy, semantic and simulator."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import phy
import semantic
import simulator

ROOTS = {package.__name__: Path(package.__path__[0]) for package in (phy, semantic, simulator)}
FILES = [path for root in ROOTS.values() for path in sorted(root.rglob("*.py"))]

#: A string that is a module of ours, or "module:attribute": the attribute of an f-string may end.
IMPORT_STRING = re.compile(rf"((?:{'|'.join(ROOTS)})(?:\.\w+)+)(?::\w*)?")


def module_file(module: str) -> Path | None:
    """The file of a module or a package of ours; None for what is not ours.

    >>> module_file("semantic.training").name, module_file("semantic.suggest").name
    ('__init__.py', 'suggest.py')
    """
    package, _, rest = module.partition(".")
    if package not in ROOTS:
        return None
    path = ROOTS[package].joinpath(*rest.split(".")) if rest else ROOTS[package]
    found = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return found if found.is_file() else None


def imported(source: str) -> set[Path]:
    """All files that a source imports, at the top and inside functions, by statement or string."""
    return imported_by_statement(source) | imported_by_string(source)


def imported_by_statement(source: str) -> set[Path]:
    """The files that the import statements of a source name."""
    found = set[Path | None]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {module_file(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the arrows"
            assert node.module is not None
            for alias in node.names:
                found |= {*files_of_name(node.module, alias.name)}
    return {path for path in found if path is not None}


def imported_by_string(source: str) -> set[Path]:
    """The files whose modules stand in strings, as in a table of names that are imported later.

    The keys of a table are the names that are looked up in it.
    """
    nodes = [*ast.walk(ast.parse(source))]
    tables = (node for node in nodes if isinstance(node, ast.Dict | ast.DictComp))
    keys = (key for t in tables for key in (t.keys if isinstance(t, ast.Dict) else [t.key]) if key)
    looked_up = {node for key in keys for node in ast.walk(key)}
    strings = (
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in looked_up
    )
    modules = (found[1] for text in strings if (found := IMPORT_STRING.fullmatch(text)))
    return {path for module in modules if (path := module_file(module)) is not None}


def files_of_name(module: str, name: str) -> Iterator[Path]:
    """The files behind `from module import name`.

    A name of a package may be a module of it. Otherwise the package is meant, and the file that
    the package has the name from: by an import of its own, or by a table {name: module}.
    """
    inner, file = module_file(f"{module}.{name}"), module_file(module)
    if inner is not None:
        yield inner
    elif file is not None:
        yield file
        if file.name == "__init__.py":
            for origin in origins(file.read_text(encoding="utf-8"), name):
                yield from files_of_name(origin, name)


def origins(source: str, name: str) -> set[str]:
    """The modules from which a package has one of its names."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module for alias in node.names if (alias.asname or alias.name) == name}
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == name:
                    found |= {value.value} if isinstance(value, ast.Constant) else set()
    return found
