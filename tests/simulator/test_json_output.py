"""`--format json`: stdout is one JSON document and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import simulator
from simulator.cli import main

pytestmark = pytest.mark.integration

HOME = Path(simulator.__path__[0]).parent
SOME = ["--engine", "inline", "--format", "json"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


@pytest.fixture
def given(tiny_weights: Path, folder_data: Path) -> list[object]:
    return [*SOME, "--data", folder_data, "--weights", tiny_weights, "--bandwidth-mhz", 4]


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def document(text: str) -> dict[str, list[dict[str, object]]]:
    found = json.loads(text, parse_constant=refuse)
    assert set(found) == {"curve", "runs"}
    return found  # type: ignore[no-any-return]


def test_a_run_is_one_document(given: list[object], tmp_path: Path) -> None:
    result = run("--scheme", "perfect", "--snr=-6,6", *given, "--out", tmp_path / "x")
    assert result.exit_code == 0, result.output
    found = document(result.stdout)
    stored = pd.read_csv(tmp_path / "x" / "curve.csv")
    shown = pd.DataFrame(found["curve"])
    pd.testing.assert_frame_equal(shown, stored, check_dtype=False, check_exact=True)
    (entry,) = found["runs"]
    assert entry["directory"] == str(tmp_path / "x")
    assert entry["spec"] == json.loads((tmp_path / "x" / "run.json").read_text())["spec"]
    assert entry["failed_cells"] == []
    assert "8 queries in a gallery of 32" in result.stderr
    assert "rank-1 %" not in result.stderr


def test_a_sweep_is_one_document(given: list[object], tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[run]\nschemes = ["perfect"]\nsnr_db = [0]\n[grid]\nseed = [0, 1]\n')
    result = run("--sweep", file, *given, "--out", tmp_path / "s", "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    found = document(result.stdout)
    assert [Path(str(entry["directory"])).parent for entry in found["runs"]] == 2 * [tmp_path / "s"]
    assert len(found["curve"]) == len(pd.read_csv(tmp_path / "s" / "curve.csv"))


def test_errors_leave_stdout_empty(given: list[object]) -> None:
    result = run("--scheme", "semhark", "--snr", "0", *given)
    assert (result.exit_code, result.stdout) == (2, "")


def test_what_parts_and_libraries_print_goes_to_stderr() -> None:
    """Also what a process that is started meanwhile writes to its stdout."""
    code = (
        "import os, subprocess, sys\n"
        "from simulator.commands.reserved_stdout import reserved_stdout\n"
        "print('before')\n"
        "with reserved_stdout(True) as stream:\n"
        "    print('a part')\n    os.write(1, b'a library\\n')\n"
        "    subprocess.run(['echo', 'a process'])\n    print('{}', file=stream)\n"
        "print('behind')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(HOME)},
    )  # fmt: skip
    assert found.stdout.splitlines() == ["before", "{}", "behind"]
    assert sorted(found.stderr.splitlines()) == ["a library", "a part", "a process"]
