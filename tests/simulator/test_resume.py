"""Finished cells: taken up again, checked, kept apart by what their numbers depend on."""

import functools
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pandas as pd
import pytest

from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.forkserver import start_forkserver
from simulator.sweeps.store import DamagedError, Store, StoreError
from simulator.sweeps.sweep import Result, run, run_spec

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]

PLAIN = "toy_parts:plain"
ready = functools.cache(prepare)


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=(PLAIN,),
        snr_db=(-3.0, 3.0),
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


@pytest.fixture(scope="module")
def straight(spec: RunSpec) -> pd.DataFrame:
    return run_spec(spec).images


@pytest.fixture(scope="module")
def finished(spec: RunSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run, from which tests take copies."""
    out = tmp_path_factory.mktemp("finished") / "run"
    run(ready(spec), out=out)
    return out


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(finished, tmp_path / "copy"))


def into(spec: RunSpec, out: Path, **options: object) -> tuple[Result, int]:
    """A run into a directory, and how many images it simulated."""
    steps: list[tuple[int, int]] = []

    def progress(what: str, done: int, total: int) -> None:
        if what == "simulating":
            steps.append((done, total))

    result = run(ready(spec), progress, out, **options)  # type: ignore[arg-type]
    if not steps:
        return result, 0
    assert steps[-1][0] == steps[-1][1]
    return result, steps[-1][0] - steps[0][0] + 40  # the folder's 40 images are one batch


def same(a: pd.DataFrame, b: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(a, b, check_exact=True)


def test_a_second_run_computes_only_what_is_missing(
    spec: RunSpec, straight: pd.DataFrame, tmp_path: Path
) -> None:
    first, simulated = into(replace(spec, snr_db=(-3.0,)), tmp_path)
    assert simulated == 40
    both, simulated = into(spec, tmp_path)
    assert simulated == 40
    same(both.images, straight)
    again, simulated = into(spec, tmp_path)
    assert simulated == 0
    same(again.images, straight)
    same(again.curve, both.curve)
    same(first.images, straight[straight["snr_db"] == -3.0])
    _, simulated = into(spec, tmp_path, resume=False)
    assert simulated == 80


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"max_transmissions": 1}, "max_transmissions was 4, is 1"),
        ({"channel_args": (("seconds", 0.001),)}, "channel_args seconds was None, is 0.001"),
        ({"slot_s": 2e-3}, "slot_s was 0.001, is 0.002"),
    ],
)
def test_a_change_is_computed_anew_and_says_why(
    spec: RunSpec,
    copy: Path,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, object],
    reason: str,
) -> None:
    with caplog.at_level("INFO", logger="simulator"):
        _, simulated = into(replace(spec, **change), copy)
    assert simulated == 80
    assert f"2 points are computed again: {reason}" in caplog.text
    _, simulated = into(spec, copy)  # and the first ones are still there
    assert simulated == 0


@pytest.mark.parametrize("change", [{"batch_size": 7}, {"device": "cpu"}, {"seeds": 1}])
def test_what_changes_no_number_is_taken_up(
    spec: RunSpec, copy: Path, change: dict[str, object]
) -> None:
    _, simulated = into(replace(spec, **change), copy)
    assert simulated == 0


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "empty":
        data = bytearray()
    else:
        place = {"flip in the checksum": 5, "flip in the head": 90, "flip in the rows": -200}[how]
        data[place] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "how", ["cut", "empty", "flip in the checksum", "flip in the head", "flip in the rows"]
)
def test_a_damaged_cell_is_reported_and_computed_again(
    spec: RunSpec,
    straight: pd.DataFrame,
    copy: Path,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    victim = sorted((copy / "cells").glob("*.rows"))[0]
    damage(victim, how)
    result, simulated = into(spec, copy)
    assert simulated == 40
    assert f"{victim.name} is damaged: its checksum is wrong; it is computed" in caplog.text
    same(result.images, straight)


def test_every_flipped_bit_is_seen(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.root.mkdir()
    store.write("a.rows", {"seed": 1}, b"payload")
    whole = (store.root / "a.rows").read_bytes()
    assert store.read("a.rows") == ({"seed": 1}, b"payload")
    for place in range(len(whole)):
        for bit in range(8):
            broken = bytearray(whole)
            broken[place] ^= 1 << bit
            (store.root / "a.rows").write_bytes(bytes(broken))
            with pytest.raises(DamagedError):
                store.read("a.rows")


@pytest.mark.parametrize("cell_images", [7, 13, 40])
def test_blocks_change_no_number_and_are_cleared(
    spec: RunSpec, straight: pd.DataFrame, tmp_path: Path, cell_images: int
) -> None:
    result, _ = into(replace(spec, batch_size=8), tmp_path, engine=Engine(cell_images=cell_images))
    same(result.images, straight)
    assert not list((tmp_path / "cells").glob("*.block"))


def test_blocks_are_taken_up(spec: RunSpec, straight: pd.DataFrame, tmp_path: Path) -> None:
    def stop_in_the_second_point(what: str, done: int, total: int) -> None:
        if what == "simulating" and done > 60:
            raise KeyboardInterrupt

    blocks = Engine(cell_images=8)
    with pytest.raises(KeyboardInterrupt):
        run(ready(replace(spec, batch_size=8)), stop_in_the_second_point, tmp_path, blocks)
    assert len(list((tmp_path / "cells").glob("*.rows"))) == 1
    assert len(list((tmp_path / "cells").glob("*.block"))) == 2
    damage(sorted((tmp_path / "cells").glob("*.block"))[0], "cut")
    seen: list[int] = []
    result = run(
        ready(replace(spec, batch_size=8)), lambda what, done, total: seen.append(done),
        tmp_path, blocks,
    )  # fmt: skip
    same(result.images, straight)
    assert len([done for done in seen if done <= 80]) >= 4  # four of five blocks again


def test_two_runs_do_not_share_a_directory(spec: RunSpec, tmp_path: Path) -> None:
    store = Store(tmp_path)
    code = (
        "import sys, time; from pathlib import Path; from simulator.sweeps.store import Store\n"
        "with Store(Path(sys.argv[1])).locked(): print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=f"is in use by process {other.pid} on ") as caught:
            run(ready(spec), out=tmp_path)
        assert "\n" not in str(caught.value)
        assert store.in_use()
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert store.holder() is not None  # its name is still there,
    assert not store.in_use()  # and nobody is behind it
    (store.root / ".plan.abcdefgh.json").write_text("half of a")
    run(ready(spec), out=tmp_path)
    assert store.holder() is None
    assert not list(tmp_path.rglob(".*.json"))


def run_with_small_files(spec: RunSpec, out: Path, answer: Connection) -> None:
    """In a process of its own: files must be small once a cell is finished. Sends the error."""

    def progress(what: str, done: int, total: int) -> None:
        if done > 40:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    try:
        run(prepare(spec), progress, out)
    except ValueError as error:
        answer.send(str(error))


def test_a_directory_that_cannot_be_written_to(
    spec: RunSpec, straight: pd.DataFrame, tmp_path: Path
) -> None:
    """The limit on the size of a file stands for a disk without room: the same refusal to write."""
    start_forkserver()
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=run_with_small_files, args=(spec, tmp_path, theirs))
    process.start()
    assert ours.poll(120)
    line = ours.recv()
    process.join()
    assert "\n" not in line
    assert "cannot be written: File too large; 1 finished cells are kept in" in line
    assert not list((tmp_path / "cells").glob(".*"))
    result, simulated = into(spec, tmp_path)
    assert simulated == 40
    same(result.images, straight)
