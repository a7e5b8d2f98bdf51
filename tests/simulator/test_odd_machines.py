"""Odd machines and odd users: one line says what is wrong, or it does not matter."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result
from run_processes import forked

import simulator
from simulator.cache import cache_directory
from simulator.cli import main
from simulator.commands.user_errors import in_one_line
from simulator.environment import private_directory
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps import pools, tied
from simulator.sweeps.engines import Engine
from simulator.sweeps.records import write_result
from simulator.sweeps.store import DamagedError, Store
from simulator.sweeps.sweep import run
from simulator.sweeps.sweepfile import MOST_NAME_BYTES, directory_name, read_sweep

PACKAGES = Path(simulator.__path__[0]).parent
NOBODY = 65534


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def refused(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 2, (result.output, result.exception)
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return str(lines[0])


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


def test_a_grid_of_many_fields_has_short_names(tmp_path: Path) -> None:
    grid = {f"scheme_args.argument_{k}": "value" * 10 for k in range(20)}
    names = {directory_name({**grid, "seed": seed}) for seed in range(3)}
    assert len(names) == 3
    assert max(len(name.encode()) for name in names) <= MOST_NAME_BYTES


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


def process(code: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program that calls the command line."""
    given = {**os.environ, "PYTHONPATH": f"{PACKAGES}:{Path(__file__).parent}", **environment}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env=given, timeout=300, check=False
    )


RUN = "from simulator.__main__ import main; main()"


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


def test_a_byte_order_mark(tmp_path: Path) -> None:
    spec, sweep = tmp_path / "run.json", tmp_path / "sweep.toml"
    spec.write_text(json.dumps({"seed": 3}), encoding="utf-8-sig")
    assert RunSpec.read(spec).seed == 3
    sweep.write_text("[run]\nseed = 3\n", encoding="utf-8-sig")
    ((_, found),) = read_sweep(sweep)
    assert found.seed == 3


@pytest.mark.integration
def test_files_are_utf8_in_every_locale(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes('{"data": "d\u00e9part"}'.encode())
    code = (
        "import sys; from pathlib import Path; from simulator.spec import RunSpec\n"
        "print(ascii(RunSpec.read(Path(sys.argv[1])).data))"
    )
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    found = process(code, tmp_path / "run.json", **locale)
    assert found.stdout.strip() == r"'d\xe9part'", found.stderr


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


@pytest.mark.parametrize("deep", [10**3, 10**5])
def test_files_that_are_nested_too_deeply(tmp_path: Path, deep: int) -> None:
    (tmp_path / "run.json").write_text("[" * deep + "]" * deep, encoding="utf-8")
    assert "run.json" in refused("--spec", tmp_path / "run.json")
    (tmp_path / "s.toml").write_text(f"x = {'[' * deep}{']' * deep}", encoding="utf-8")
    assert "s.toml" in refused("--sweep", tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"data": 5}', "data 5 is not allowed, it must be a data set"),
        ('{"slot_s": null}', "slot_s None is not a number"),
        (f'{{"slot_s": {"9" * 400}}}', "slot_s of many digits is not allowed"),
        (f'{{"seed": {"9" * 400}}}', "seed of many digits is not allowed"),
        (f'{{"snr_db": [{"9" * 400}]}}', "SNR in dB of many digits is not allowed"),
        (f'{{"seed": {"9" * 5000}}}', "cannot be read"),
        ('{"schemes": "semharq"}', "schemes is 'semharq', it must be a list"),
        (
            '{"channel_args": {"k_factor": [1]}}',
            "k_factor is [1], it must be a finite number or a word",
        ),
        ('{"seed": true}', "seed True is not a whole number"),
    ],
)
def test_a_spec_with_a_wrong_type(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    assert expected in refused("--spec", tmp_path / "run.json")


@pytest.mark.parametrize("holder", [[], {}, {"since": "x"}, {"since": 1e300, "pid": 1, "host": 1}])
def test_a_record_of_the_holder_that_lacks_entries(tmp_path: Path, holder: object) -> None:
    store = Store(tmp_path)
    store.write_json("holder.json", holder)
    assert store.holder() is None


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


HEADER = "scheme,channel,snr_db,metric,value,ci_low,ci_high,n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "cannot be read"),
        (HEADER, "has no points"),
        (HEADER.replace("channel,", "") + "\na,0,rank1,1,1,1,1", "has no column 'channel'"),
        (HEADER.replace("ci_high,", "") + "\na,b,0,rank1,1,1,1", "has no column 'ci_high'"),
        (HEADER + "\na,b,0,rank1,1,x,1,1", "ci_low is 'x', it must be a number"),
        (HEADER + '\na,b,0,"rank1,1,1,1,1', "cannot be read"),
        (HEADER + "\na,b,0,rank1,1,1,1,1,9,9,9", ""),
    ],
)
def test_a_curve_that_somebody_edited(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    line = refused("plot", tmp_path, "--out", tmp_path / "x.png")
    assert expected in line


def test_files_without_an_end(tmp_path: Path) -> None:
    """As /dev/zero, and /dev/full when it is read."""
    assert "longer than 64 MiB" in refused("--spec", "/dev/zero")
    assert "longer than 64 MiB" in refused("--sweep", "/dev/full")
    store = Store(tmp_path)
    store.root.mkdir()
    for name in ("plan.json", "a.rows"):
        (store.root / name).symlink_to("/dev/zero")
    assert store.read_json("plan.json") is None
    with pytest.raises(DamagedError, match="is not a file"):
        store.read("a.rows")
