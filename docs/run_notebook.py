"""Runs notebooks without Jupyter, for the tests and for the pages of the site.

The cells of a notebook run one after the other in one namespace, in a given folder. Beside Python, a
cell may begin with `%%writefile FILE`, and a line may be a command, `!simulate ... {NAME}`, in which
the names in braces are those of the cells above.
"""

from __future__ import annotations

import ast
import base64
import html
import io
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: A line that Jupyter gives to the shell.
COMMAND = re.compile(r"^!(simulate .*)$", re.MULTILINE)
#: A cell that Jupyter writes into a file.
FILE = re.compile(r"%%writefile (\S+)\n(.*)", re.DOTALL)


@dataclass
class Cell:
    """A cell of a notebook.

    Attributes:
        code: Whether it is code, and not Markdown.
        source: Its text.
        printed: What it printed when it ran.
        value: The value of its last line if that is an expression, otherwise None.
    """

    code: bool
    source: str
    printed: str = ""
    value: Any = field(default=None, repr=False)


def cells(path: Path) -> list[Cell]:
    """Returns the cells of a notebook."""
    found = json.loads(path.read_text("utf-8"))["cells"]
    return [Cell(cell["cell_type"] == "code", "".join(cell["source"])) for cell in found]


def run_notebook(path: Path, folder: Path) -> list[Cell]:
    """Runs a notebook.

    Args:
        path: The notebook.
        folder: Current directory of its code.

    Returns:
        Its cells with what they printed and returned.
    """
    found = cells(path)
    names: dict[str, Any] = {"__name__": "__main__", "_command": command}
    with chdir(folder), forgotten_modules(folder):
        for cell in found:
            if cell.code:
                printed = io.StringIO()
                with redirect_stdout(printed), redirect_stderr(io.StringIO()):
                    cell.value = run_cell(cell.source, names, path.name)
                cell.printed = printed.getvalue()
    return found


def run_cell(source: str, names: dict[str, Any], where: str) -> Any:
    """Runs the code of one cell; returns the value of its last line, if that is an expression.

    >>> run_cell("x = 2\\nx + 1", {}, "example")
    3
    """
    written = FILE.fullmatch(source)
    if written:
        Path(written[1]).write_text(written[2].rstrip() + "\n", "utf-8")
        print(f"Writing {written[1]}")
        return None
    tree = ast.parse(COMMAND.sub(lambda found: f"_command(f{found[1]!r})", source), where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, where, "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), where, "eval"), names)


def command(line: str) -> None:
    """Runs a command `simulate ...` in this process, which has torch already."""
    from simulator.cli import main

    main(shlex.split(line)[1:], prog_name="simulate", standalone_mode=False)


@contextmanager
def forgotten_modules(folder: Path) -> Iterator[None]:
    """Finds modules in a folder, as Jupyter does, and forgets them afterwards."""
    path, known = [*sys.path], {*sys.modules}
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path[:] = path
        for name in {*sys.modules} - known:
            file = getattr(sys.modules[name], "__file__", None)
            if file is not None and Path(file).is_relative_to(folder):
                del sys.modules[name]


def markdown(found: list[Cell], download: str) -> str:
    """Returns the cells as a page of the site.

    Args:
        found: The cells, with or without outputs.
        download: The file of the notebook, as a link.
    """
    parts = []
    for cell in found:
        if not cell.code:
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        parts += [f"```text\n{cell.printed.rstrip()}\n```"] if cell.printed.strip() else []
        parts += [shown(cell.value)] if cell.value is not None else []
    title, *rest = parts
    return "\n\n".join([title, f"[Download this notebook]({download})", *rest]) + "\n"


def shown(value: Any) -> str:
    """Returns a value as Jupyter shows it, in HTML or Markdown."""
    if hasattr(value, "_repr_png_"):
        data = base64.b64encode(value._repr_png_()).decode()
        return f'<img alt="output of the cell" src="data:image/png;base64,{data}">'
    if hasattr(value, "_repr_html_"):
        text: str = value._repr_html_()
        return re.sub(r"\n\s*", "\n", re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL))
    return f"<pre>{html.escape(repr(value))}</pre>"
