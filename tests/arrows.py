"""Where the imports of a source text lead: to which files of phy, semantic and simulator."""

import ast
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import phy.old_paths
import semantic.old_paths
import simulator.old_paths

ROOTS = {package.__name__: Path(package.__path__[0]) for package in (phy, semantic, simulator)}
FILES = [path for root in ROOTS.values() for path in sorted(root.rglob("*.py"))]

#: Old path of a module -> new path: both lead to the same file.
MODULES = phy.old_paths.MODULES | semantic.old_paths.MODULES | simulator.old_paths.MODULES

#: A string that begins with a module of ours, alone or before the colon of "module:attribute".
IMPORT_STRING = re.compile(rf"((?:{'|'.join(ROOTS)})(?:\.[\w.]*)?)(?:$|:)")

#: An attribute of one of the packages: semantic.training.x.
DOTTED = re.compile(rf"(?:{'|'.join(ROOTS)})(?:\.\w+)+")


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
    """The files that a source names in import statements, and as attributes of a package.

    `import semantic.tiles` binds `semantic`, with all its modules that anyone has imported.
    """
    found = set[Path]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name not in ROOTS or alias.asname is None, "an alias hides the arrows"
                found |= files_of_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the arrows"
            assert node.module is not None
            for alias in node.names:
                assert alias.name != "*", "star imports hide the arrows"
                found |= {*files_of_name(node.module, alias.name)}
        elif isinstance(node, ast.Attribute) and DOTTED.fullmatch(text := ast.unparse(node)):
            found |= {*longest(text)}
    return found


def statements(source: str) -> Iterator[str]:
    """What the import statements of a source name: "module", and "module:name"."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}:{alias.name}" for alias in node.names)


def imported_by_string(source: str) -> set[Path]:
    """The files whose modules stand in strings: each string that begins with a package's name.

    Parts of f-strings and keys of tables are strings like all others.
    """
    found = set[Path]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            first = node.args[0] if node.args else None
            hidden = isinstance(first, ast.Constant) and str(first.value).startswith(".")
            assert not hidden, "relative imports hide the arrows"
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and (match := IMPORT_STRING.match(text)):
            found |= files_of_module(match[1])
    return found


def files_of_module(module: str) -> set[Path]:
    """The file of a module of ours. Of a path that leads to none: all files that it may lead to."""
    file = None if module.endswith(".") else module_file(MODULES.get(module, module))
    return {file} if file else {path for file in longest(module) for path in below(file)}


def below(file: Path) -> Iterator[Path]:
    """A module's file; all files of a package."""
    yield from file.parent.rglob("*.py") if file.name == "__init__.py" else [file]


def longest(module: str) -> list[Path]:
    """The file of the longest beginning of a path that is a module; none for what is not ours."""
    parts = module.split(".")
    beginnings = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    files = (module_file(MODULES.get(name, name)) for name in beginnings)
    return [*islice((path for path in files if path is not None), 1)]


def files_of_name(module: str, name: str) -> Iterator[Path]:
    """The files behind `from module import name`.

    A name of a package may be a module of it. Otherwise the package is meant, and the file that
    the package has the name from: by an import of its own, or by a table {name: module}.
    """
    module, inside = MODULES.get(module, module), f"{module}.{name}"
    inner, file = module_file(MODULES.get(inside, inside)), module_file(module)
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
