"""The walls of the house: who imports whom, how long a file may be, and what none is called."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import phy
import semantic
import simulator

ROOTS = {package.__name__: Path(package.__path__[0]) for package in (phy, semantic, simulator)}
ALLOWED = {("simulator", "phy"), ("simulator", "semantic")}
FILES = [path for root in ROOTS.values() for path in sorted(root.rglob("*.py"))]
LINES = 350


def imported(path: Path) -> Iterator[str]:
    """First names of all modules that a file imports, at the top and inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            assert node.module is not None
            yield node.module.partition(".")[0]


def test_all_three_packages_are_walked() -> None:
    assert {
        path.relative_to(root.parent).parts[0]
        for root in ROOTS.values()
        for path in FILES
        if path.is_relative_to(root)
    } == {"phy", "semantic", "simulator"}
    assert len(FILES) > 50


def test_phy_and_semantic_are_islands() -> None:
    arrows = {
        (home, target): path
        for home, root in ROOTS.items()
        for path in sorted(root.rglob("*.py"))
        for target in imported(path)
        if target in ROOTS and target != home
    }
    assert arrows.keys() >= ALLOWED  # or the walk itself is broken
    forbidden = {
        f"{path}: imports {target}"
        for (_, target), path in arrows.items()
        if (_, target) not in ALLOWED
    }
    assert not forbidden


@pytest.mark.parametrize("name", ["utils.py", "misc.py", "common.py", "helpers.py"])
def test_no_file_for_whatever_is_left(name: str) -> None:
    assert [path for path in FILES if path.name == name] == []


def test_files_are_short() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in FILES}
    assert {path: n for path, n in lengths.items() if n > LINES} == {}
