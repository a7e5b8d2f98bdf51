"""The command line: what it gives, and one line for everything that it refuses."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import simulator
from simulator.catalog import CHANNELS, SCHEMES
from simulator.cli import main

FILES = {"curve.csv", "images.parquet", "run.json", "curve.png", "run.log", "cells"}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def process(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A fresh interpreter, as a user would start it."""
    home = str(Path(simulator.__path__[0]).parent)
    environment = {**os.environ, "PYTHONPATH": home, **environment}
    command = [sys.executable, *(str(a) for a in arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=300, check=False
    )


@pytest.fixture
def given(tiny_weights: Path, folder_data: Path) -> list[object]:
    return ["--data", folder_data, "--weights", tiny_weights, "--bandwidth-mhz", 4]


def refused(result: Result, *expected: str) -> str:
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("simulate: ")
    for text in expected:
        assert text in lines[0]
    return lines[0]


@pytest.mark.integration
@pytest.mark.draws
def test_a_run_writes_its_four_files_and_shows_a_table(given: list[object], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("--scheme", "semharq,perfect", "--snr", "-6:6:6", *given, "--out", out)
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == FILES
    assert (out / "curve.png").read_bytes().startswith(b"\x89PNG")
    curve = pd.read_csv(out / "curve.csv")
    assert list(curve.columns) == [
        *("scheme", "channel", "snr_db", "metric", "value", "ci_low", "ci_high", "n"),
        *("vehicles", "seeds", "trainings"),
    ]
    assert curve["scheme"].unique().tolist() == ["semharq", "perfect"]
    assert curve["snr_db"].unique().tolist() == [-6.0, 0.0, 6.0]
    assert {"rank1", "mAP", "color_accuracy", "type_accuracy", "transmissions", "channel_uses"} < {
        *curve["metric"]
    }
    log = pd.read_parquet(out / "images.parquet")
    assert len(log) == 2 * 3 * 40
    # the curve is the mean of the log
    chosen = log[(log["scheme"] == "semharq") & (log["snr_db"] == 0.0)]
    point = curve[(curve["scheme"] == "semharq") & (curve["snr_db"] == 0.0)].set_index("metric")
    assert point.loc["rank1", "value"] == pytest.approx(100 * chosen["rank1_hit"].mean())
    assert point.loc["transmissions", "value"] == pytest.approx(chosen["transmissions"].mean())
    record = json.loads((out / "run.json").read_text())
    assert record["spec"]["snr_db"] == [-6.0, 0.0, 6.0]
    assert record["weights_sha256"].keys() == {"encoder.safetensors", "semharq.safetensors"}
    assert "8 queries in a gallery of 32" in result.stdout
    for name in ("semharq", "perfect"):
        assert name in result.stdout


@pytest.mark.integration
def test_a_spec_file_repeats_a_run_exactly(given: list[object], tmp_path: Path) -> None:
    first, again, changed = (tmp_path / name for name in ("first", "again", "changed"))
    options = ["--fading", "block", "--channel-arg", "k_factor=3", "--max-transmissions", 3]
    options += ["--seed", 7, "--scheme-arg", "theta_0_db=2", "--images", 20, "--quiet"]
    result = run("--snr=-3,3", *given, *options, "--out", first)
    assert result.exit_code == 0, result.output
    assert result.output == ""  # quiet
    assert run("--spec", first / "run.json", "--quiet", "--out", again).exit_code == 0
    for name in ("curve.csv", "run.json"):
        assert (first / name).read_bytes() == (again / name).read_bytes()
    pd.testing.assert_frame_equal(
        pd.read_parquet(first / "images.parquet"),
        pd.read_parquet(again / "images.parquet"),
        check_exact=True,
    )
    other = run("--spec", first / "run.json", "--seed", 8, "--quiet", "--out", changed)
    assert other.exit_code == 0
    spec = json.loads((changed / "run.json").read_text())["spec"]
    assert spec["seed"] == 8
    assert spec["channel_args"] == {"fading": "block", "k_factor": 3}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--scheme", "semhrq"], ["unknown scheme 'semhrq'", "nearest: 'semharq'"]),
        (["--scheme", "perfect,nothing-like-it"], ["unknown scheme 'nothing-like-it'", "allowed"]),
        (["--scheme", ""], ["no scheme was given"]),
        (["--channel", "rayleihg"], ["unknown channel 'rayleihg'", "nearest: 'rayleigh'"]),
        (["--fading", "fsat"], ["'fsat' is not one of", "'fast'", "'block'"]),
        (["--device", "gpu"], ["device 'gpu' is not allowed", "auto, cpu, cuda"]),
        (["--snr", "8:-6:2"], ["'8:-6:2'", "START:STOP:STEP such as -6:8:2"]),
        (["--snr", "-6:8:0"], ["'-6:8:0'", "such as -6:8:2"]),
        (["--snr", "low"], ["'low'", "such as -6:8:2"]),
        (["--snr", "900"], ["SNR in dB 900.0", "-100 to 100"]),
        (["--slot-ms", "-1"], ["--slot-ms -1.0 is not allowed", "between 0 and"]),
        (["--bandwidth-mhz", "-20"], ["--bandwidth-mhz -20.0 is not", "between 0 and"]),
        (["--bandwidth-mhz", "wide"], ["--bandwidth-mhz", "'wide'"]),
        (["--max-transmissions", "0"], ["max_transmissions 0 is not", "1 to"]),
        (["--budget", "use"], ["budget 'use' is not allowed", "nearest: 'uses'"]),
        (["--budget", "3"], ["budget '3' is not allowed", "slots or uses"]),
        (["--seeds", "1.5"], ["--seeds", "'1.5' is not a valid integer"]),
        (["--images", "-3"], ["images -3 is not", "1 to"]),
        (["--batch-size", "0"], ["batch_size 0 is not", "1 to"]),
        (["--spec", "none.json"], ["spec file none.json cannot be read"]),
        (["--channel-arg", "k_factor"], ["--channel-arg 'k_factor' is not NAME=VALUE"]),
        (["--channel-arg", "=3"], ["--channel-arg '=3' is not NAME=VALUE"]),
        (["--scheme-arg", "x"], ["--scheme-arg 'x' is not NAME=VALUE"]),
        (["--shceme", "semharq"], ["No such option '--shceme'", "--scheme"]),
        (["--zzz"], ["No such option '--zzz'", "--help"]),
        (["--snr"], ["--snr", "requires an argument"]),
        (["lits"], ["No such command 'lits'", "list"]),
        (
            ["data", "synthetic", "--split", "tset", "--out", "x"],
            ["'tset' is not one of", "'test'"],
        ),
        (["train", "--data", "nowhere"], ["Missing option '--out'"]),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_bad_input_is_one_line(
    arguments: list[str], expected: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run(*arguments), *expected)
    assert list(tmp_path.iterdir()) == []  # and nothing is left behind


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--channel-arg", "k_factor=-2"], ["k_factor -2 is not allowed", "0 to 1e+12"]),
        (["--channel-arg", "k_factor=two"], ["k_factor 'two' is not a number", "0 to 1e+12"]),
        (["--channel-arg", "kfactor=2"], ["no argument 'kfactor'", "nearest: 'k_factor'"]),
        (["--channel", "awgn", "--fading", "fast"], ["awgn takes no argument 'fading'"]),
        (["--scheme-arg", "theta_0=2"], ["no argument 'theta_0'", "nearest: 'theta_0_db'"]),
        (
            ["--scheme-arg", "features_per_use=3"],
            ["features_per_use 3 is not allowed", "must be 1 or 2"],
        ),
        (["--data", "synthetc"], ["data set 'synthetc'", "nearest: 'synthetic'"]),
        (["--data", "veri:nowhere"], ["nowhere"]),
        (["--weights", "nowhere"], ["nowhere/encoder.safetensors does not exist", "train"]),
        (["--slot-ms", "1e-9"], ["channel uses is not allowed", "1 to"]),
        (["--device", "cuda:77"], ["device cuda:77 is not there"]),
    ],
    ids=lambda value: " ".join(value)[:30] if isinstance(value, list) else "",
)
def test_bad_input_that_shows_while_opening(
    arguments: list[str],
    expected: list[str],
    given: list[object],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(run("--snr", 0, *given, *arguments, "--out", tmp_path / "out"), *expected)
    assert list(tmp_path.iterdir()) == []


def test_out_that_is_a_file(given: list[object], tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("here already")
    for out in (tmp_path / "taken", tmp_path / "taken" / "below"):
        refused(run("--snr", 0, *given, "--out", out), f"output directory {out}")
    assert (tmp_path / "taken").read_text() == "here already"


def test_weights_that_are_cut_off(given: list[object], tiny_weights: Path, tmp_path: Path) -> None:
    for path in tiny_weights.iterdir():
        data = path.read_bytes()
        (tmp_path / path.name).write_bytes(data[: len(data) // 2])
    line = refused(run(*given, "--weights", tmp_path, "--out", tmp_path / "out"), "truncated")
    assert str(tmp_path / "encoder.safetensors") in line


def test_list_names_everything() -> None:
    result = run("list")
    assert result.exit_code == 0
    words = result.stdout.split()
    assert {*SCHEMES, *CHANNELS, "synthetic", "DIR", "veri:DIR"} <= set(words)


def test_help_reads_like_a_manual_page() -> None:
    for arguments in ([], ["--help"], ["-h"]):
        result = run(*arguments)
        assert result.exit_code == 0, result.output
        assert "simulate --scheme semharq --snr -6:8:2" in result.stdout
        for option in (
            *("--scheme", "--snr", "--channel", "--fading", "--data", "--images", "--seed"),
            *("--max-transmissions", "--seeds", "--slot-ms", "--bandwidth-mhz", "--batch-size"),
            *("--device", "--weights", "--out", "--spec", "--quiet"),
        ):
            assert option in result.stdout


HEAVY = ("torch", "pandas", "scipy", "matplotlib", "sionna", "numba", "rich")
PROBE = f"""
import sys
{{}}
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    "code",
    [
        "import simulator",
        "from simulator.cli import main; main(['--help'], standalone_mode=False)",
        "from simulator.cli import main; main(['list'], standalone_mode=False)",
    ],
)
def test_nothing_heavy_is_imported_before_there_is_work(code: str, tmp_path: Path) -> None:
    found = process("-c", PROBE.format(code), cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert found.stderr.strip() == "[]"


@pytest.mark.integration
def test_a_fresh_process_runs_the_owners_line(given: list[object], tmp_path: Path) -> None:
    """The backend of a notebook, which Jupyter sets for its processes, does not matter.

    The compiler of torch and what it computes with take longer to import than torch itself. A call
    of torch may import them without need: a global setting, a range on the meta device.
    """
    line = ["-X", "importtime", "-m", "simulator.cli", "--scheme", "semharq", "--snr", "-6:8:2"]
    backend = "module://a_package_that_is_not_there.backend_inline"
    found = process(*line, *given, "--out", "out", cwd=tmp_path, MPLBACKEND=backend)
    assert found.returncode == 0, found.stderr
    assert not re.findall(r"\| +(torch\._dynamo|torch\._inductor|sympy)\n", found.stderr)
    assert "simulator.sweeps.sweep" in found.stderr, "imports were not listed"
    assert "features per slot B" in found.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert pd.read_csv(tmp_path / "out" / "curve.csv")["snr_db"].nunique() == 8
    assert (tmp_path / "out" / "curve.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.integration
def test_a_fresh_process_refuses_in_one_line_without_a_traceback(tmp_path: Path) -> None:
    for arguments in (["--sheme", "x"], ["--scheme", "semharq", "--weights", "nowhere"]):
        found = process("-m", "simulator.cli", *arguments, cwd=tmp_path)
        assert found.returncode == 2
        assert len(found.stderr.splitlines()) == 1, found.stderr
        assert found.stdout == ""
