"""The rooms of the house: which imports which, how long a file and a body may be."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

import phy
import semantic
import simulator

ROOTS = {package.__name__: Path(package.__path__[0]) for package in (phy, semantic, simulator)}
FILES = [path for root in ROOTS.values() for path in sorted(root.rglob("*.py"))]
LINES, BODY_LINES, MEDIAN_BODY_LINES = 300, 50, 6

#: Files of the folder simulator/ that stand before everything else: what people call.
FRONT = ("__init__.py", "__main__.py", "api.py", "cli.py")

#: A room is a folder; what stands beside a name is all that it may import. Each room imports rooms
#: above it alone, so that there is no circle.
ALLOWED: dict[str, str] = {
    "phy": "",
    "phy/channels": "phy",
    "phy/ofdm": "phy phy/channels",
    "phy/coding": "phy",
    "semantic": "",
    "semantic/data": "semantic",
    "semantic/encoder": "semantic",
    "semantic/distortion": "semantic",
    "semantic/link": "semantic semantic/distortion",
    "semantic/vq": "semantic",
    "semantic/deepjscc": "",
    "semantic/plus": "semantic semantic/link semantic/vq",
    "semantic/weights": "semantic semantic/encoder semantic/link semantic/plus semantic/vq "
    "semantic/deepjscc",
    "semantic/training": "semantic semantic/data semantic/encoder semantic/distortion semantic/link "
    "semantic/plus semantic/vq semantic/deepjscc semantic/weights",
    "simulator": "PHY SEMANTIC",
    "simulator/results": "SEMANTIC simulator",
    "simulator/plots": "SEMANTIC simulator simulator/results",
    "simulator/codecs": "simulator",
    "simulator/schemes": "PHY SEMANTIC simulator simulator/codecs",
    "simulator/setup": "PHY SEMANTIC simulator simulator/codecs simulator/schemes",
    "simulator/checks": "PHY SEMANTIC simulator simulator/codecs simulator/setup",
    "simulator/sweeps": "PHY SEMANTIC simulator simulator/results simulator/setup",
    "simulator/interactive": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/plots simulator/sweeps",
    "simulator/training": "PHY SEMANTIC simulator simulator/results simulator/schemes "
    "simulator/setup simulator/sweeps",
    "simulator/papers": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/training",
    "simulator/frontier": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/sweeps",
    "simulator/report": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/sweeps simulator/interactive",
    "simulator/commands": "PHY SEMANTIC simulator simulator/results simulator/setup "
    "simulator/plots simulator/checks simulator/sweeps simulator/training simulator/papers "
    "simulator/report simulator/frontier",
    "simulator front": "PHY SEMANTIC simulator simulator/setup simulator/checks simulator/results "
    "simulator/sweeps simulator/interactive simulator/commands",
}


def room(path: Path) -> str:
    """The room of a file: its folder, or the part of simulator/ that people call."""
    root = next(root for root in ROOTS.values() if path.is_relative_to(root))
    parts = path.relative_to(root.parent).parts
    if parts[0] == "simulator" and len(parts) == 2 and parts[1] in FRONT:
        return "simulator front"
    return "/".join(parts[:2]) if len(parts) > 2 else parts[0]


def allowed(name: str) -> set[str]:
    """The rooms that a room may import, PHY and SEMANTIC written out."""
    rooms = set(ALLOWED[name].split())
    for package in ("phy", "semantic"):
        if package.upper() in rooms:
            rooms = rooms - {package.upper()} | {r for r in ALLOWED if r.split("/")[0] == package}
    return rooms


def module_file(module: str) -> Path | None:
    """The file of a module of ours; None for a package and for what is not ours."""
    package, _, rest = module.partition(".")
    if package not in ROOTS or not rest:
        return None
    path = ROOTS[package].joinpath(*rest.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def imported(path: Path) -> Iterator[str]:
    """All modules that a file imports, at the top and inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_the_table_names_every_room_and_has_no_circle() -> None:
    assert {room(path) for path in FILES} == set(ALLOWED)
    above: set[str] = set()
    for name in ALLOWED:
        assert allowed(name) <= above, f"{name} imports a room that stands below it in the table"
        above.add(name)


@pytest.mark.parametrize("name", ALLOWED)
def test_a_room_imports_what_the_table_allows(name: str) -> None:
    arrows = {
        f"{path}: imports {module}"
        for path in FILES
        if room(path) == name
        for module in imported(path)
        if (target := module_file(module)) is not None
        and room(target) not in allowed(name) | {name}
    }
    assert not arrows


def test_every_arrow_of_the_table_is_there() -> None:
    walked = {
        (room(path), room(target))
        for path in FILES
        for module in imported(path)
        if (target := module_file(module)) is not None
    }
    for name, rooms in ALLOWED.items():
        for other in set(rooms.split()) - {"PHY", "SEMANTIC"}:
            assert (name, other) in walked, f"{name} does not import {other}"


def test_no_file_imports_itself_in_a_circle() -> None:
    graph = {path: {module_file(m) for m in imported(path)} - {None, path} for path in FILES}
    done: set[Path] = set()
    while free := [path for path in FILES if path not in done and graph[path] <= done]:
        done |= set(free)
    assert set(FILES) - done == set()


@pytest.mark.parametrize("name", ["utils.py", "misc.py", "common.py", "helpers.py"])
def test_no_file_for_whatever_is_left(name: str) -> None:
    assert [path for path in FILES if path.name == name] == []


def test_files_and_bodies_are_short() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {path: n for path, n in lengths.items() if n > LINES} == {}
    bodies = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                bodies[f"{path}: {node.name}:{node.lineno}"] = body_lines(node)
    assert {where: n for where, n in bodies.items() if n > BODY_LINES} == {}
    assert median(bodies.values()) <= MEDIAN_BODY_LINES


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function behind its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return sum(node.end_lineno - node.lineno + 1 for node in body if node.end_lineno is not None)
