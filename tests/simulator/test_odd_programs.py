"""Programs around the simulator: signals, scripts, plug-ins that end, readers that go away."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from called import PACKAGES, RUN, call
from run_processes import forked

import simulator
from simulator.sweeps import pools


@pytest.fixture
def given(tiny_weights: Path, folder_data: Path) -> list[str]:
    parts = ["--scheme", "perfect", "--snr", "0", "--engine", "inline", "--quiet"]
    return [*parts, "--data", str(folder_data), "--weights", str(tiny_weights)]


@pytest.mark.integration
def test_output_that_nobody_reads() -> None:
    program = [sys.executable, "-u", "-c", RUN, "list"]
    given = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    reader, writer = os.pipe()
    os.close(reader)
    found = subprocess.run(
        program, stdout=writer, stderr=subprocess.PIPE, text=True, env=given, check=False
    )
    os.close(writer)
    assert found.stderr == ""
    assert found.returncode == 141


PLUG_IN = """
import os, sys, torch
from phy.channel import Channel
class QuitsLater(Channel):
    def draw(self, streams, uses, state): raise SystemExit(0)
class Fails(QuitsLater):
    def __init__(self): raise KeyError("odd")
class Quits(QuitsLater):
    def __init__(self): sys.exit(0)
class Moves(Channel):
    def draw(self, streams, uses, state):
        os.chdir("/")
        return streams.complex_normal(uses), None
def scheme(networks): raise ZeroDivisionError("odd")
"""


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"odd_plug_in_{tmp_path.name.rpartition('-')[2]}".replace("[", "").replace("]", "")
    (tmp_path / f"{name}.py").write_text(PLUG_IN, encoding="utf-8")
    (tmp_path / f"{name}_module.py").write_text("raise SystemExit(0)", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize(
    ("option", "part", "expected"),
    [
        ("--channel", ":Quits", "SystemExit: 0"),
        ("--channel", ":Fails", "KeyError: 'odd'"),
        ("--scheme", ":scheme", "ZeroDivisionError: odd"),
        ("--channel", "_module:X", "SystemExit: 0"),
        ("--channel", ":QuitsLater", "not one point could be simulated"),
    ],
)
def test_a_plug_in_that_ends_or_raises_is_named(
    given: list[str], plug_in: str, option: str, part: str, expected: str
) -> None:
    scheme = [] if option == "--scheme" else ["--scheme", "semharq"]
    result = call(*given, *scheme, option, plug_in + part, "--out", "out")
    assert result.exit_code == 2, result.output
    line = result.stderr.splitlines()[-1]
    assert expected in line
    if "QuitsLater" not in part:
        assert plug_in + part in line


@pytest.mark.integration
def test_a_plug_in_may_change_the_directory(given: list[str], plug_in: str, tmp_path: Path) -> None:
    arguments = ["--scheme", "semharq", "--channel", f"{plug_in}:Moves", "--out", "relative"]
    result = call(*given, *arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    assert (tmp_path / "relative" / "curve.csv").exists()


@pytest.mark.integration
def test_a_script_from_standard_input_is_told_what_to_do(
    tiny_weights: Path, folder_data: Path
) -> None:
    script = (
        "from simulator import Engine, simulate\n"
        f"simulate('perfect', [0, 3], data={str(folder_data)!r}, weights={str(tiny_weights)!r}, "
        "engine=Engine('local', workers=2))\n"
    )
    given = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    found = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, env=given, check=False
    )
    assert "save the script to a file" in found.stderr.splitlines()[-1]


def test_a_script_without_a_guard_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools.multiprocessing.current_process(), "_inheriting", True, raising=False)
    with pytest.raises(ValueError, match="__name__"), pools.local_pools(1):
        pass


@pytest.mark.integration
@pytest.mark.parametrize("delay_s", [0.05, 0.1, 0.15, 0.2, 0.3])
def test_ctrl_c_right_after_the_start(delay_s: float, given: list[str], tmp_path: Path) -> None:
    """The program says where it is when its first line runs: before, the interpreter itself starts."""
    code = f"print(flush=True); {RUN}"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGES)}
    command = [sys.executable, "-c", code, *given, "--out", str(tmp_path)]
    found = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert found.stdout is not None
    found.stdout.readline()
    time.sleep(delay_s)
    found.send_signal(signal.SIGINT)
    _, errors = found.communicate(timeout=60)
    assert found.returncode == 130
    assert errors.split("\n")[-2:] == ["simulate: interrupted", ""]
    assert "Traceback" not in errors


@pytest.mark.integration
def test_ctrl_c_in_an_import_that_catches_everything_ends_the_program(tmp_path: Path) -> None:
    text = "import signal\ntry:\n    signal.raise_signal(signal.SIGINT)\nexcept:\n    pass\n"
    (tmp_path / "swallows.py").write_text(text)
    found = subprocess.run(
        [sys.executable, "-m", "simulator", "check", "swallows:Channel"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60,
        env={**os.environ, "PYTHONPATH": str(PACKAGES)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (130, "simulate: interrupted\n")


@pytest.mark.integration
@pytest.mark.xdist_group("processes")
def test_sigterm_says_a_word(given: list[str], tmp_path: Path) -> None:
    options = [
        "--scheme",
        "semharq",
        "--channel",
        "toy_parts:Rayleigh",
        "--channel-arg",
        "seconds=30",
    ]
    shown = tmp_path / "shown"
    found = forked([*given, *options, "--out", str(tmp_path / "out")], str(shown))
    while not (tmp_path / "out" / "cells" / "plan.json").exists():
        time.sleep(0.05)
        assert found.is_alive()
    found.terminate()
    found.join(60)
    errors = shown.read_text()
    assert found.exitcode == 143
    assert "terminated; 0 finished points are kept in" in errors
    assert "Traceback" not in errors


def test_the_package_shows_what_scripts_use() -> None:
    names = {"simulate", "Engine", "check_channel", "check_scheme", "check_dataset", "check_codec"}
    assert names <= set(simulator.__all__) == set(dir(simulator))
