"""What the text of a user's Python file shows that it depends on: modules, files, environment variables.

    import x; importlib.import_module("x"); runpy.run_path("x.py"); os.environ["X"]

A name counts where it is a constant in the file. Where it is computed, nothing can be recorded: the
file is named in `computed`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name

#: Functions that run the code of a module: place and name of the argument with the module's name.
BY_NAME = {
    "__import__": (0, "name"),
    "builtins.__import__": (0, "name"),
    "importlib.__import__": (0, "name"),
    "importlib.import_module": (0, "name"),
    "runpy.run_module": (0, "mod_name"),
}
#: Functions that run the code of a file: place and name of the argument with the path.
BY_PATH = {
    "importlib.machinery.SourceFileLoader": (1, "path"),
    "importlib.util.spec_from_file_location": (1, "location"),
    "runpy.run_path": (0, "path_name"),
}
ENVIRON, GETENV = "os.environ", "os.getenv"
#: Methods of `os.environ` that read one variable, and those that only write.
READING, WRITING = ("get", "pop", "setdefault", "__getitem__"), ("update", "clear")
#: Functions that run any text.
ANY_TEXT = ("exec", "builtins.exec")


@dataclass(frozen=True)
class References:
    """What a file depends on.

    Attributes:
        modules: Names of the modules that it imports, or of which it takes a name.
        paths: The texts of each path of a Python file that it runs, joined by "/".
        variables: Names of the environment variables that it reads.
        computed: One text for each use of a function whose module, file or variable is computed.
    """

    modules: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    computed: frozenset[str] = frozenset()


@cache
def references(source: bytes, package: str = "") -> References:
    """Returns what a Python file depends on; nothing for a file that is not valid Python.

    Args:
        source: Content of the file.
        package: Its package, for relative imports.

    >>> references(b"import os, a.b; os.getenv('GAIN')").variables
    frozenset({'GAIN'})
    >>> references(b"import runpy; runpy.run_module(name)").computed
    frozenset({'runpy.run_module with a computed name'})
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return References()
    reader = _Reader(tree, package)
    reader.visit(tree)
    return References(
        frozenset(_imported(tree, package)) | frozenset(reader.modules),
        frozenset(reader.paths),
        frozenset(reader.variables),
        frozenset(reader.computed),
    )


def _imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Yields the names of the import statements."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


def _absolute(name: str, package: str) -> str:
    if not name.startswith(".") or not package:
        return name
    try:
        return resolve_name(name, package)
    except ImportError:  # more dots than the package has levels
        return name


class _Reader(ast.NodeVisitor):
    """Collects the references of a file besides its import statements."""

    def __init__(self, tree: ast.Module, package: str) -> None:
        self.package = package
        self.modules: set[str] = set()
        self.paths: set[str] = set()
        self.variables: set[str] = set()
        self.computed: set[str] = set()
        self.origins = dict(_origins(tree))
        self.constants = dict(_constants(tree))

    def visit_Call(self, node: ast.Call) -> None:
        """Reads a call of a function that takes a module, a file or a variable."""
        name, method = self._name(node.func), None
        if isinstance(node.func, ast.Attribute) and self._name(node.func.value) == ENVIRON:
            name, method = ENVIRON, node.func.attr
        if name in BY_NAME:
            self._module(name, _argument(node, *BY_NAME[name]))
        elif name in BY_PATH:
            self._path(name, _argument(node, *BY_PATH[name]))
        elif name == GETENV or method in READING:
            self._variable(_argument(node, 0, "key"))
        elif method not in WRITING:
            self.visit(node.func)
        for child in (*node.args, *node.keywords):
            self.visit(child)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Reads os.environ["X"]; an assignment to it reads nothing."""
        if self._name(node.value) != ENVIRON:
            self.generic_visit(node)
        elif isinstance(node.ctx, ast.Load):
            self._variable(node.slice)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Reads "X" in os.environ."""
        if len(node.ops) == 1 and self._name(node.comparators[0]) == ENVIRON:
            self._variable(node.left)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Notes one of the functions that is used in another way than called."""
        self._other_use(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """As `visit_Name`."""
        self._other_use(node)
        self.generic_visit(node)

    def _other_use(self, node: ast.Name | ast.Attribute) -> None:
        name = self._name(node)
        if name in ANY_TEXT:
            self.computed.add("exec of a text")
        elif name in BY_NAME or name in BY_PATH:
            self.computed.add(f"{name} with a computed name")
        elif name in (ENVIRON, GETENV):
            self.computed.add(f"{name} with a computed variable")

    def _module(self, function: str, argument: ast.expr | None) -> None:
        module = self._text(argument)
        if module is None:
            self.computed.add(f"{function} with a computed name")
        else:
            self.modules.add(_absolute(module, self.package))

    def _path(self, function: str, argument: ast.expr | None) -> None:
        path = "/".join(self._texts(argument)) if argument is not None else ""
        if path.endswith(".py"):
            self.paths.add(path)
        else:
            self.computed.add(f"{function} with a computed path")

    def _variable(self, argument: ast.expr | None) -> None:
        variable = self._text(argument)
        if variable is None:
            self.computed.add(f"{ENVIRON} with a computed variable")
        else:
            self.variables.add(variable)

    def _name(self, node: ast.expr) -> str | None:
        """The full name of a function, whatever it is called in this file."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self._name(node.value)
            return None if base is None else f"{base}.{node.attr}"
        return None

    def _text(self, node: ast.expr | None) -> str | None:
        """The text of a constant, or of a name that the file sets to a constant."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self.constants.get(node.id) if isinstance(node, ast.Name) else None

    def _texts(self, node: ast.AST) -> Iterator[str]:
        """Yields the texts in an expression such as `Path(__file__).parent / "sub" / "x.py"`."""
        text = self._text(node) if isinstance(node, ast.expr) else None
        if text is not None:
            yield text
        for child in ast.iter_child_nodes(node):
            yield from self._texts(child)


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    named = [keyword.value for keyword in call.keywords if keyword.arg == name]
    return call.args[place] if len(call.args) > place else next(iter(named), None)


def _origins(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yields the names that imports give, and what they stand for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (
                (alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names
            )


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yields the names at the top of a file that are set once, to a text."""
    stored = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
            continue
        names = [one.id for one in node.targets if isinstance(one, ast.Name)]
        if isinstance(node.value.value, str):
            yield from ((n, node.value.value) for n in names if stored.count(n) == 1)
