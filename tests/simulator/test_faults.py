"""Faults: cells that fail, workers and runs that are killed at any moment; nothing finished is lost."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from run_processes import arguments, checked_cells, command, forked

from simulator.files import write_whole
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.store import Store
from simulator.sweeps.sweep import Result, run, run_spec

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]

SNRS = (-6.0, -3.0, 3.0, 6.0)
WELL = [3.0, 6.0]


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=("toy_parts:plain",),
        snr_db=SNRS,
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


def check_the_others(result: Result, reason: str) -> None:
    """The two cells at low SNR have failed with the reason, the two others are there."""
    assert sorted(failure.cell for failure in result.failures) == [
        "toy_parts:plain -3 dB seed 0",
        "toy_parts:plain -6 dB seed 0",
    ]
    assert all(reason in failure.reason for failure in result.failures), result.failures
    assert result.images["snr_db"].unique().tolist() == WELL
    assert result.curve["snr_db"].unique().tolist() == WELL


@pytest.mark.parametrize(
    ("channel", "reason"),
    [
        ("Raises", "RuntimeError: the cable is unplugged"),
        ("GivesNan", "must be finite"),
    ],
)
def test_a_fault_fails_its_cell_alone(
    spec: RunSpec, tmp_path: Path, channel: str, reason: str
) -> None:
    faulty = replace(spec, channel=f"toy_parts:{channel}")
    check_the_others(run(prepare(faulty), out=tmp_path), reason)
    assert len(list((tmp_path / "cells").glob("*.rows"))) == 2


def test_a_hang_fails_its_cell_alone(spec: RunSpec, tmp_path: Path) -> None:
    hanging = prepare(replace(spec, channel="toy_parts:Hangs"))
    begun = time.monotonic()
    result = run(hanging, out=tmp_path, engine=Engine(cell_timeout_s=1))
    check_the_others(result, "took longer than the cell timeout of 1 s")
    assert time.monotonic() - begun < 60


def test_nothing_but_faults_is_an_error_in_one_line(spec: RunSpec, tmp_path: Path) -> None:
    low = replace(spec, channel="toy_parts:Raises", snr_db=(-3.0,))
    with pytest.raises(
        ValueError, match=r"not one point could be simulated: .*unplugged"
    ) as caught:
        run(prepare(low), out=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_cell_that_kills_its_workers_fails_alone(spec: RunSpec, tmp_path: Path) -> None:
    deadly = prepare(replace(spec, channel="toy_parts:Dies"))
    result = run(deadly, out=tmp_path, engine=Engine("local", workers=1))
    check_the_others(result, "2 workers died while they computed this cell alone")


@pytest.mark.slow
def test_a_cell_stuck_in_compiled_code_fails_alone(spec: RunSpec, tmp_path: Path) -> None:
    stuck = prepare(replace(spec, channel="toy_parts:HangsInC"))
    result = run(stuck, out=tmp_path, engine=Engine("local", workers=2, cell_timeout_s=2))
    check_the_others(result, "were ended because it took longer than 2 s")


Start = Callable[[Path], subprocess.Popen[bytes] | ForkServerProcess]


def ended(process: subprocess.Popen[bytes] | ForkServerProcess) -> int | None:
    """The exit code of a process, once it has ended."""
    if isinstance(process, subprocess.Popen):
        return process.wait()
    process.join()
    return process.exitcode


def run_through_kills(spec: RunSpec, out: Path, kills: int, start: Start) -> None:
    """Kills a run over and over; what was finished stays, and the end is what it would have been."""
    rng = np.random.default_rng(0)
    begun = time.monotonic()
    kept: set[str] = set()
    # As long as a run takes that is left alone, so that kills come at every stage of it.
    assert ended(start(out / "whole")) == 0
    longest_s = 1.2 * (time.monotonic() - begun)
    for _ in range(kills):
        process = start(out)
        time.sleep(float(rng.uniform(0, longest_s)))
        process.kill()
        ended(process)
        found = checked_cells(out)
        assert found >= kept
        kept = found
    assert ended(start(out)) == 0
    expected = run_spec(spec)
    log = pd.read_parquet(out / "images.parquet")
    pd.testing.assert_frame_equal(log, expected.images, check_exact=True)
    assert not [path for path in out.rglob(".*") if path.is_file()]


def test_three_kills_lose_nothing(spec: RunSpec, tmp_path: Path) -> None:
    """A fork has no imports of its own, so that every kill meets the run itself."""
    slow = replace(spec, channel_args=(("seconds", 0.05),), snr_db=(3.0, 6.0))

    def start(out: Path) -> ForkServerProcess:
        options = ("--channel-arg", "seconds=0.05", "--cell-images", "16")
        return forked(arguments(slow, out, *options))

    run_through_kills(slow, tmp_path, 3, start)


@pytest.mark.slow
@pytest.mark.parametrize("engine", [(), ("--engine", "local", "--workers", "2")])
def test_thirty_kills_lose_nothing(spec: RunSpec, tmp_path: Path, engine: tuple[str, ...]) -> None:
    slow = replace(spec, channel_args=(("seconds", 0.05),))
    options = ("--channel-arg", "seconds=0.05", "--cell-images", "16", *engine)

    def start(out: Path) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command(slow, out, *options), start_new_session=True)

    run_through_kills(slow, tmp_path, 30, start)


def workers_of(pid: int) -> list[int]:
    """Worker processes of a run: the children of its fork server."""
    found = []
    for server in psutil.Process(pid).children():
        found += [child.pid for child in server.children()]
    return found


def test_workers_of_a_killed_run_end(spec: RunSpec, tmp_path: Path) -> None:
    """One hangs in Python. The other's threads cannot act: compiled code holds Python's lock."""
    stuck = replace(spec, channel="toy_parts:HangsOrHoldsThePythonLock", snr_db=(-6.0, -3.0))
    marks = tmp_path / "marks"
    marks.mkdir()
    run_of = subprocess.Popen(
        command(stuck, tmp_path / "out", "--engine", "local", "--workers", "2"),
        env={**os.environ, "TOY_MARKS": str(marks)},
    )
    deadline = time.monotonic() + 120
    while len(list(marks.iterdir())) < 2:
        assert time.monotonic() < deadline
        assert run_of.poll() is None
        time.sleep(0.2)
    family = [psutil.Process(pid) for pid in workers_of(run_of.pid)]
    family += psutil.Process(run_of.pid).children()
    assert len(family) >= 3
    os.kill(run_of.pid, signal.SIGKILL)
    run_of.wait()
    _, alive = psutil.wait_procs(family, timeout=15)
    for process in alive:
        process.kill()
    assert alive == []


@pytest.mark.slow
def test_killed_workers_lose_nothing(spec: RunSpec, tmp_path: Path) -> None:
    """Two kills of one cell alone would be the cell's fault, so that each waits for finished cells.

    It waits for three: two may have ended on the workers, unseen, before the last kill.
    """
    many = replace(spec, snr_db=tuple(np.arange(-6, 6.5, 0.5).tolist()))
    patient = replace(many, channel_args=(("seconds", 0.05),))
    arguments = command(patient, tmp_path, "--engine", "local", "--workers", "2")
    process = subprocess.Popen([*arguments, "--channel-arg", "seconds=0.05"])
    rng, killed, kept, finished = np.random.default_rng(0), 0, set[str](), 0
    while process.poll() is None:
        time.sleep(float(rng.uniform(0.1, 1)))
        found = checked_cells(tmp_path)
        assert found >= kept
        kept = found
        if killed < 10 and len(kept) > finished + 2 and process.poll() is None:
            for pid in workers_of(process.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
                killed, finished = killed + 1, len(kept)
    assert killed >= 1
    assert process.returncode == 0
    log = pd.read_parquet(tmp_path / "images.parquet")
    pd.testing.assert_frame_equal(log, run_spec(patient).images, check_exact=True)


def test_ctrl_c_says_how_to_go_on(spec: RunSpec, tmp_path: Path) -> None:
    out, shown = tmp_path / "out", tmp_path / "shown"
    process = forked(arguments(spec, out, "--channel-arg", "seconds=0.5"), str(shown))
    while not Store(out).names("*.rows"):  # a file that is being written is no point yet
        time.sleep(0.05)
        assert process.is_alive()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode == 130
    errors = shown.read_text()
    line = errors.splitlines()[-1]
    assert "interrupted; 1 finished points are kept in" in line or "interrupted; 2 " in line
    assert "repeat the command to go on" in line
    assert "Traceback" not in errors
    assert len(checked_cells(out)) >= 1
    assert "interrupted" in (out / "run.log").read_text()


def test_a_file_that_is_being_written_is_no_finished_point(tmp_path: Path) -> None:
    """It has the suffix of a finished one, and pathlib's * takes its leading dot."""
    seen: list[list[str]] = []
    store = Store(tmp_path)

    def write(temporary: Path) -> None:
        temporary.write_bytes(b"half")
        assert list((tmp_path / "cells").glob("*.rows")) == [temporary]
        seen.append(store.names("*.rows"))

    write_whole(tmp_path / "cells" / "point.rows", write)
    assert seen == [[]]
    assert store.names("*.rows") == ["point.rows"]
