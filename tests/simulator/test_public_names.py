"""The public names of `simulator`: listed, typed, documented, and imported on demand."""

import inspect
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

import pandas as pd
import pytest
from click.testing import CliRunner

import simulator
from simulator.cli import main
from simulator.columns import METRICS, TABLES, names
from simulator.results import compare, curve
from simulator.run_fields import RunFields
from simulator.spec import RunSpec


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(simulator) == sorted(simulator.__all__)
    for name in dir(simulator):
        assert getattr(simulator, name).__name__ == name


@pytest.mark.parametrize("name", sorted(simulator.__all__))
def test_every_public_name_has_an_example(name: str) -> None:
    text = inspect.getdoc(getattr(simulator, name)) or ""
    assert f"{name}(" in text.partition("Example:")[2]
    hints = get_type_hints(
        getattr(simulator, name).__init__ if name == "Engine" else getattr(simulator, name)
    )
    assert "return" in hints


@pytest.mark.parametrize("name", ["open_link", "simulate"])
def test_the_fields_of_a_run_are_those_of_its_specification(name: str) -> None:
    known = {f.name: f.default for f in fields(RunSpec)} | {"fading": None}
    assert RunFields.__annotations__.keys() == known.keys()
    shown = inspect.signature(getattr(simulator, name)).parameters
    assert {key: shown[key].default for key in known} == known
    assert "fields" not in shown


@pytest.mark.integration
def test_the_import_is_light() -> None:
    code = "import simulator, sys; dir(simulator); print({'torch', 'pandas', 'numpy'} & {*sys.modules})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_the_page_of_columns_is_what_the_declarations_say() -> None:
    page = Path(simulator.__path__[0]).parent / "docs" / "columns.md"
    written = CliRunner().invoke(main, ["list", "--columns"]).stdout
    assert page.read_text() == written, "simulate list --columns > docs/columns.md"
    assert all(f"## {title}\n" in written for title in TABLES)


def test_the_declared_columns_are_those_of_curves_and_comparisons() -> None:
    assert names("curve.csv") == curve.COLUMNS
    assert names("Comparison") == compare.COLUMNS
    declared = [metric.name for metric in METRICS]
    assert declared == [*curve.METRICS, *curve.DIGITAL, "bler_*", *curve.IMAGE_QUALITY]


def test_the_declared_columns_are_those_that_a_run_has_written() -> None:
    """The run whose files the documentation quotes."""
    written = Path(simulator.__path__[0]).parent / "docs" / "results" / "embedded"
    images = pd.read_parquet(written / "images.parquet")
    assert {*images.columns} <= {*names("images.parquet")}
