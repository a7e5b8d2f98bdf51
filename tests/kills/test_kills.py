"""Kills at random moments: of runs, workers, cache writes, trainings and dask's scheduler.

`make kills` kills KILLS times in all (200); the slow tests of `make test-slow` a tenth of that. After
every kill no process of the victim is alive 5 s later; in the end the same command gives, bit for
bit, what an undisturbed run gives, and leaves no file of a killed writer behind.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pytest
from run_processes import checked_cells, command

from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

psutil = pytest.importorskip("psutil", reason="comes with the extra [cluster]")

KILLS, SEED = int(os.environ.get("KILLS", "20")), int(os.environ.get("KILLS_SEED", "0"))
#: Seconds after which nothing of a killed run may be alive.
GONE_S = 5.0
MARK = "SEMHARQ_KILLED"
HERE = Path(__file__).parent
PORT = 18786
ADDRESS = f"tcp://127.0.0.1:{PORT}"
DEATH_TIMEOUT = ("--death-timeout", "60")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.integration,
    pytest.mark.xdist_group("processes"),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are found by /proc"),
]


class Victim:
    """A command that is started over and over, and everything that it starts.

    Args:
        arguments: The command.
        cache: A cache directory of its own.
    """

    def __init__(self, arguments: list[str], cache: Path) -> None:
        self.arguments, self.cache = arguments, cache
        self.mark = uuid4().hex
        self.said = cache / "said.txt"

    def start(self) -> subprocess.Popen[bytes]:
        """Starts the command, marked in its environment, which its children inherit."""
        environment = {**os.environ, MARK: self.mark, "SEMHARQ_CACHE": str(self.cache)}
        with self.said.open("wb") as said:
            return subprocess.Popen(
                self.arguments,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,
            )

    def finish(self) -> float:
        """Runs the command to its end and returns the seconds that it took."""
        begun = time.monotonic()
        assert self.start().wait(timeout=300) == 0, self.said.read_text()
        return time.monotonic() - begun

    def alive(self) -> list[int]:
        """Processes with the mark."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != "zombie":
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found

    def kill(self, after_s: float, choose: Callable[[list[int], int], list[int]]) -> None:
        """Starts the command and kills some of its processes after a while; it may have ended."""
        process = self.start()
        try:
            process.wait(timeout=after_s)
        except subprocess.TimeoutExpired:
            for pid in choose(self.alive(), process.pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        if process.pid in self.alive() or process.poll() is None:
            process.wait(timeout=300)
        end = time.monotonic() + GONE_S
        while self.alive() and time.monotonic() < end:
            time.sleep(0.1)
        assert not self.alive(), f"alive {GONE_S} s after the end of their run: {self.alive()}"


def the_run(alive: list[int], parent: int) -> list[int]:
    """The process that was started, and nothing that it started."""
    return [parent]


def a_worker(alive: list[int], parent: int) -> list[int]:
    """One of the processes that it started."""
    return [pid for pid in sorted(alive) if pid != parent][-1:]


def left_behind(*roots: Path) -> list[Path]:
    """Files of writers that did not come to their end."""
    return [
        path
        for root in roots
        for path in root.rglob("*")
        if path.is_file() and (path.name.startswith(".") or ".tmp" in path.name)
    ]


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=("semharq", "jpeg-ldpc-bpsk"),
        snr_db=(0.0, 3.0, 6.0),
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


@pytest.fixture(scope="module")
def expected(spec: RunSpec) -> pd.DataFrame:
    return run_spec(spec).images


@pytest.mark.parametrize(
    ("share", "options", "choose", "fresh_cache"),
    [
        pytest.param(0.2, (), the_run, False, id="run"),
        pytest.param(0.2, ("--engine", "local", "--workers", "2"), the_run, False, id="parent"),
        pytest.param(0.2, ("--engine", "local", "--workers", "2"), a_worker, False, id="worker"),
        pytest.param(0.2, (), the_run, True, id="cache write"),
    ],
)
def test_kills_of_a_run_lose_nothing(
    spec: RunSpec,
    expected: pd.DataFrame,
    tmp_path: Path,
    share: float,
    options: tuple[str, ...],
    choose: Callable[[list[int], int], list[int]],
    fresh_cache: bool,
) -> None:
    rng, out, cache = random.Random(SEED), tmp_path / "out", tmp_path / "cache"
    cache.mkdir()
    arguments = command(spec, out, "--cell-images", "16", *options)
    longest_s = Victim(command(spec, tmp_path / "whole", *options), tmp_path / "other").finish()
    kept: set[str] = set()
    victim = Victim(arguments, cache)
    for _ in range(round(KILLS * share)):
        if fresh_cache:
            shutil.rmtree(cache)
            cache.mkdir()
        victim.kill(rng.uniform(0, 1.1 * longest_s), choose)
        if out.is_dir():
            found = checked_cells(out)
            assert found >= kept
            kept = found
        if kept and rng.random() < 0.2:  # so that there is always something left to do
            shutil.rmtree(out)
            kept = set()
    victim.finish()
    log = pd.read_parquet(out / "images.parquet")
    pd.testing.assert_frame_equal(log, expected, check_exact=True)
    assert left_behind(out, cache) == []


def test_kills_of_a_training_lose_nothing(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    whole, out = tmp_path / "whole", tmp_path / "out"
    whole.mkdir()
    out.mkdir()
    script = [sys.executable, str(HERE / "trained.py")]
    longest_s = Victim([*script, str(whole)], tmp_path).finish()
    victim = Victim([*script, str(out)], tmp_path)
    for _ in range(round(KILLS * 0.15)):
        victim.kill(rng.uniform(0.3, 1) * longest_s, the_run)
        if (out / "end").exists():
            shutil.rmtree(out)
            out.mkdir()
    victim.finish()
    assert (out / "end").read_bytes() == (whole / "end").read_bytes()
    assert left_behind(out) == []


@pytest.fixture
def scheduler() -> Iterator[Callable[[], tuple[subprocess.Popen[bytes], ...]]]:
    """Starts a dask scheduler and a worker on a fixed port of this machine."""
    pytest.importorskip("distributed", reason="extra [cluster] is not installed")
    started: list[subprocess.Popen[bytes]] = []

    def start() -> tuple[subprocess.Popen[bytes], ...]:
        environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
        pair = tuple(
            subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{program}", *options, "--no-dashboard"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for program, options in (
                ("dask_scheduler", ("--port", str(PORT), "--host", "127.0.0.1")),
                ("dask_worker", (ADDRESS, "--nthreads", "1", "--no-nanny", *DEATH_TIMEOUT)),
            )
        )
        started.extend(pair)
        return pair

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_kills_of_a_scheduler_lose_nothing(
    spec: RunSpec,
    expected: pd.DataFrame,
    tmp_path: Path,
    scheduler: Callable[[], tuple[subprocess.Popen[bytes], ...]],
) -> None:
    rng, out = random.Random(SEED), tmp_path / "out"
    options = ("--engine", "dask", "--scheduler", ADDRESS, "--cell-images", "16")
    kept: set[str] = set()
    for _ in range(max(1, round(KILLS * 0.05))):
        pair = scheduler()
        process = Victim(command(spec, out, *options), tmp_path).start()
        time.sleep(rng.uniform(2, 8))
        for one in pair:
            one.kill()
            one.wait()
        assert process.wait(timeout=120) in (0, 1, 2)
        found = checked_cells(out) if out.is_dir() else set()
        assert found >= kept
        kept = found
    scheduler()
    distributed = pytest.importorskip("distributed")
    with distributed.Client(ADDRESS, timeout=60) as client:  # both start slowly beside other work
        client.wait_for_workers(1, timeout=60)
    assert Victim(command(spec, out, *options), tmp_path).finish() > 0
    log = pd.read_parquet(out / "images.parquet")
    pd.testing.assert_frame_equal(log, expected, check_exact=True)
