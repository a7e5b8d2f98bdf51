"""Renamed arguments: the old names work for one release and warn, the new ones do not."""

import json
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.commands.options import build_spec
from simulator.renamed import RENAMED, RenamedWarning
from simulator.spec import RunSpec

HARQ, FEATURES = "jpeg-ldpc-16qam-harq", "digital-features"


OLD_AND_NEW = [
    (HARQ, "engine", "decoder", "numba"),
    (FEATURES, "quantiser", "quantizer", "uniform"),
    ("semharq", "equaliser", "equalizer", "zf"),
]


@pytest.mark.parametrize(("scheme", "old", "new", "value"), OLD_AND_NEW)
def test_an_old_argument_name_works_and_warns(
    scheme: str, old: str, new: str, value: str, tmp_path: Path
) -> None:
    assert RENAMED["scheme argument"][old] == new
    pattern = f"scheme argument '{old}' is now called '{new}'"
    record = {"schemes": [scheme], "scheme_args": {old: value}}
    (tmp_path / "run.json").write_text(json.dumps({"spec": record}))
    for make in (
        lambda: RunSpec(schemes=(scheme,), scheme_args=((old, value),)),
        lambda: RunSpec.from_json(record),
        lambda: RunSpec.read(tmp_path / "run.json"),
        lambda: build_spec({"scheme": scheme, "scheme_args": (f"{old}={value}",)}, None),
    ):
        with pytest.warns(RenamedWarning, match=pattern):
            assert make().scheme_args == ((new, value),)
    with pytest.raises(ValueError, match=f"'{new}' is given twice"), pytest.warns(RenamedWarning):
        RunSpec(schemes=(scheme,), scheme_args=((new, value), (old, value)))


def test_the_old_name_of_a_budget_works_and_warns() -> None:
    with pytest.warns(RenamedWarning, match="budget 'rounds' is now called 'slots'"):
        assert RunSpec(budget="rounds") == RunSpec()


def test_the_command_line_prints_a_renaming_as_one_line(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({"budget": "rounds"}))
    for line, message in (
        (["--scheme", "semharq", "--scheme-arg", "equaliser=zf"], "now called 'equalizer'"),
        (["--budget", "rounds"], "budget 'rounds' is now called 'slots'"),
        (["--spec", str(tmp_path / "run.json")], "budget 'rounds' is now called 'slots'"),
    ):
        result = CliRunner().invoke(main, [*line, "--data", str(tmp_path / "nowhere")])
        warning, error = result.stderr.splitlines()
        assert warning.startswith("simulate: ")
        assert message in warning
        assert "nowhere" in error


def test_new_names_warn_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RenamedWarning)
        RunSpec(schemes=(HARQ,), scheme_args=(("decoder", "numba"),))
