"""Odd machines and odd users: one line says what is wrong, or it does not matter."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from called import PACKAGES, call, process, refused

from simulator.cache import cache_directory
from simulator.commands.user_errors import in_one_line
from simulator.environment import private_directory
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps import tied
from simulator.sweeps.engines import Engine
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run

NOBODY = 65534


@pytest.fixture
def given(tiny_weights: Path, folder_data: Path) -> list[str]:
    parts = ["--scheme", "perfect", "--snr", "0", "--engine", "inline", "--quiet"]
    return [*parts, "--data", str(folder_data), "--weights", str(tiny_weights)]


@pytest.fixture
def nobody(shared: list[str]) -> Iterator[None]:
    """Root reads and writes everything, so that the test becomes another user."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


@pytest.fixture
def shared(tiny_weights: Path, folder_data: Path, given: list[str]) -> Iterator[list[str]]:
    """The same run with parts that everybody may read."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for what, source in (("data", folder_data), ("weights", tiny_weights)):
            shutil.copytree(source, root / what)
        for path in root.rglob("*"):
            path.chmod(0o755)
        root.chmod(0o777)
        parts = ["--data", str(root / "data"), "--weights", str(root / "weights")]
        at = given.index("--weights")  # given twice, they would be two trainings
        arguments = [*given[:at], *given[at + 2 :], *parts, "--out", str(root / "out")]
        assert call(*arguments, "--no-resume").exit_code == 0  # imports what others may not read
        shutil.rmtree(root / "out")
        yield arguments
        for path in (root, *root.rglob("*")):
            path.chmod(0o755)


@pytest.mark.integration
@pytest.mark.parametrize("locked", ["weights", "weights/encoder.safetensors"])
def test_locked_weights(shared: list[str], locked: str, nobody: object) -> None:
    path = Path(shared[-1]).parent / locked
    os.seteuid(0)
    path.chmod(0)
    os.seteuid(NOBODY)
    line = refused(*shared)
    assert str(path.relative_to(Path(shared[-1]).parent)) in line
    assert "Permission denied" in line
    assert "truncated" not in line


@pytest.mark.integration
@pytest.mark.parametrize("option", ["--data", "--weights", "--out", "--spec", "--sweep"])
def test_names_that_are_too_long(given: list[str], option: str) -> None:
    assert "too long" in refused(*given, option, "x" * 300)


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEMHARQ_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def nowhere(cls: type) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", classmethod(nowhere))
    assert cache_directory() == private_directory("cache")


def test_a_private_directory_is_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = private_directory("x")
    assert path is not None
    assert path.stat().st_mode & 0o777 == 0o700
    assert private_directory("x") == path
    path.chmod(0o777)  # somebody else may have put files there
    assert private_directory("x") is None
    path.rmdir()
    (tmp_path / "elsewhere").mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    assert private_directory("x") is None


def test_a_deleted_working_directory(
    given: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "the current directory does not exist any more" in refused(*given, "--out", "out")


@pytest.mark.integration
@pytest.mark.parametrize("make", [Path.mkdir, lambda path: path.symlink_to("/dev/full")])
def test_a_log_that_cannot_be_written(
    given: list[str], tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "run.log")
    result = call(*given, "--out", tmp_path)
    assert result.exit_code == 0, (result.output, result.exception)
    assert (tmp_path / "curve.csv").exists()


@pytest.mark.integration
def test_numba_without_a_place_for_its_cache(tmp_path: Path) -> None:
    """As if the package were installed read-only, and the home directory too."""
    code = (
        "import os, pathlib; access = os.access\n"
        "os.access = lambda path, mode: mode != (os.W_OK | os.X_OK) and access(path, mode)\n"
        "import simulator; print(os.environ['NUMBA_CACHE_DIR'])\n"
    )
    found = process(code, TMPDIR=str(tmp_path))
    assert found.returncode == 0, found.stderr
    assert Path(found.stdout.strip()).parent == tmp_path
    given = process(code, TMPDIR=str(tmp_path), NUMBA_CACHE_DIR="/mine")
    assert given.stdout.strip() == "/mine"


@pytest.mark.integration
def test_waiting_threads_sleep_unless_the_user_says_otherwise() -> None:
    code = "import os, simulator; print(os.environ['OMP_WAIT_POLICY'])"
    without = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    given = {**without, "PYTHONPATH": str(PACKAGES)}
    for environment, expected in (
        (given, "passive"),
        ({**given, "OMP_WAIT_POLICY": "active"}, "active"),
    ):
        found = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert found.stdout.strip() == expected


@pytest.mark.parametrize("engine", [
    {"name": "local", "workers": 10**25},
    {"cell_timeout_s": float("inf")},
    {"cell_timeout_s": 1e300},
    {"cell_timeout_s": float("nan")},
])  # fmt: skip
def test_engines_out_of_range(engine: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"too many|cell timeout is") as caught:
        Engine(**engine)  # type: ignore[arg-type]
    assert len(str(caught.value).splitlines()) == 1


def test_errors_of_the_machine_are_one_line() -> None:
    error = PermissionError(13, "Permission denied", "a/b")
    assert in_one_line(error) == "a/b: Permission denied"
    assert in_one_line(RecursionError("x")) == "a file or a value is nested too deeply"
    assert "not enough memory" in str(in_one_line(MemoryError()))
    assert in_one_line(KeyError("a mistake of ours")) is None


@pytest.mark.integration
def test_large_seeds_are_stored_exactly(
    tiny_weights: Path, folder_data: Path, tmp_path: Path
) -> None:
    """2^63 - 1 and 2^63 are one double."""
    seeds = [2**63 - 1, 2**63]
    spec = RunSpec(
        schemes=("perfect",),
        snr_db=(0.0,),
        data=str(folder_data),
        weights=str(tiny_weights),
        seed=seeds[0],
        seeds=2,
    )
    result = run(prepare(spec), out=tmp_path)
    assert result.images["seed"].unique().tolist() == seeds
    write_result(result, tmp_path)
    table = pd.read_parquet(tmp_path / "images.parquet")
    assert table["seed"].unique().tolist() == seeds
    small = run(prepare(replace(spec, seed=2**63 - 2)), out=tmp_path / "small")
    write_result(small, tmp_path / "small")
    assert pd.read_parquet(tmp_path / "small" / "images.parquet")["seed"].dtype == "int64"


@pytest.mark.integration
def test_without_a_fork_server_processes_are_spawned(
    tiny_weights: Path, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tied.multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    assert tied.start_method() == "spawn"
    spec = RunSpec(
        schemes=("perfect",), snr_db=(0.0, 3.0), data=str(folder_data), weights=str(tiny_weights)
    )
    result = run(prepare(spec), out=tmp_path, engine=Engine("local", workers=1))
    assert len(result.names) == 2
