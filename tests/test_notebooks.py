"""docs/notebooks, run: every notebook from its first cell to its last one, in an empty folder."""

import json
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[1] / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]
#: Outputs of the last cells of code: what each notebook is for.
LAST = {
    "first-curve": lambda value, _: list(value.index) == [-6, -2, 2, 6],
    "own-channel": lambda value, _: value._repr_png_().startswith(b"\x89PNG"),
    "own-image": lambda _, printed: printed.count("Predictions(color=") == 2,
    "own-learned-scheme": lambda value, _: value._repr_png_().startswith(b"\x89PNG"),
    "study": lambda value, _: "CIDFontType2" in value and "Type3" not in value,
}


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    sys.path.append(str(DOCS))
    module = import_module("run_notebook")
    sys.path.remove(str(DOCS))
    return module


def test_every_notebook_is_here_without_outputs() -> None:
    assert {*LAST} == {*NAMES}
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        code = [cell for cell in cells if cell["cell_type"] == "code"]
        assert code, path.name
        assert not [c for c in code if c["outputs"] or c["execution_count"] is not None], path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_every_link_leads_to_a_page(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8"))
    assert targets
    assert not [name for name in targets if not (path.parent / name).exists()]


@pytest.mark.parametrize(
    ("name", "file"),
    [("own-channel", "my_channel.py"), ("own-learned-scheme", "my_learned_scheme.py")],
)
def test_the_files_that_notebooks_write_are_the_examples(
    runner: ModuleType, name: str, file: str
) -> None:
    written = [cell.source for cell in runner.cells(DOCS / "notebooks" / f"{name}.ipynb")]
    example = (DOCS / "examples" / file).read_text("utf-8").rstrip()
    assert f"%%writefile {file}\n{example}" in written


@pytest.mark.integration
@pytest.mark.xdist_group("notebooks")  # they encode the same images
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_notebook_runs(
    path: Path, runner: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    cells = runner.run_notebook(path, tmp_path)
    last = [cell for cell in cells if cell.code][-1]
    assert LAST[path.stem](last.value, last.printed), (last.value, last.printed)
    page = runner.markdown(cells, path.name)
    assert page.startswith("# ")
    assert page.count('src="data:image/png') == sum(
        hasattr(cell.value, "_repr_png_") for cell in cells
    )
