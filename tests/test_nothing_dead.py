"""Nothing is dead: what only tests would call is not in the packages."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from arrows import FILES

ROOT = Path(__file__).parents[1]
#: Methods that libraries call by name: those of `ast`, `logging` and `click`.
CALLED_BY_LIBRARIES = r"__\w+__|visit_\w+|handleError|shell_complete"
#: What uses the packages beside themselves; tests do not count.
USERS = ("benchmarks/**/*.py", "docs/**/*.py", "docs/**/*.md", "docs/**/*.ipynb", "*.md", "*.toml")


def unused(sources: list[str], users: list[str]) -> Iterator[str]:
    """Names of functions and classes without a decorator that occur in their definition alone."""
    words = Counter(re.findall(r"\w+", "\n".join(sources + users)))
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.decorator_list:
                continue
            if words[node.name] == 1 and not re.fullmatch(CALLED_BY_LIBRARIES, node.name):
                yield node.name


def test_a_definition_that_nothing_names_is_found() -> None:
    used = "def used():\n    pass\n\n\nclass Idle:\n    def visit_Call(self):\n        used()\n"
    assert [*unused([used], [])] == ["Idle"]
    assert [*unused([used], ["Idle()"])] == []


@pytest.mark.integration
def test_every_definition_of_the_packages_is_used_outside_the_tests() -> None:
    users = [path.read_text("utf-8") for pattern in USERS for path in ROOT.glob(pattern)]
    sources = [path.read_text("utf-8") for path in FILES if path.name != "old_paths.py"]
    assert [*unused(sources, users)] == []
