"""A disk that is full and a directory that is read-only: one clear line, and what is done is kept.

The file systems are real ones: small tmpfs in a mount namespace that dies with its process, so that
root meets them too, and nothing stays mounted.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from run_processes import arguments, checked_cells, command, in_this_process

from simulator.spec import RunSpec
from simulator.sweeps.sweep import run_spec

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("processes")]


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=("toy_parts:plain",),
        snr_db=(0.0, 1.0, 2.0, 3.0, 4.0, 5.0),
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


Script = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def with_mounts() -> Script:
    """Runs a shell script that may mount file systems, for itself alone."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        inside = ["unshare", "--map-root-user", "--mount", "sh", "-ec", script]
        return subprocess.run(inside, capture_output=True, text=True, check=False, timeout=120)

    if shutil.which("unshare") is None or run("mount -t tmpfs none /mnt").returncode != 0:
        pytest.skip("this machine does not let us mount a tmpfs in a namespace of our own")
    return run


def one_line(found: subprocess.CompletedProcess[str] | Result) -> str:
    """What a run that exits with 2 says."""
    code = found.exit_code if isinstance(found, Result) else found.returncode
    assert code == 2, found
    assert "Traceback" not in found.stderr
    (line,) = found.stderr.splitlines()
    assert line.startswith("simulate: ")
    return line


def check_goes_on(spec: RunSpec, out: Path, kept: int) -> None:
    """What was finished is whole and taken up, and the end is what it would have been."""
    assert len(checked_cells(out)) == kept
    assert not list((out / "cells").glob(".*.*"))
    found = in_this_process(spec, out)
    assert found.exit_code == 0, found.output
    assert "computed again" not in found.stderr
    assert f"{kept} points are finished, {6 - kept} are" in (out / "run.log").read_text()
    log = pd.read_parquet(out / "images.parquet")
    pd.testing.assert_frame_equal(log, run_spec(spec).images, check_exact=True)


@pytest.mark.parametrize("engine", [(), pytest.param(("--workers", "2"), marks=pytest.mark.slow)])
def test_a_full_disk(
    spec: RunSpec, with_mounts: Script, tmp_path: Path, engine: tuple[str, ...]
) -> None:
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    run = shlex.join(command(spec, disk / "out", *engine))
    line = one_line(
        with_mounts(
            f"mount -t tmpfs -o size=128k none {disk}; code=0; {run} || code=$?; "
            f"cp -r {disk}/out {copy}; exit $code"
        )
    )
    kept = len(checked_cells(copy))
    assert 0 < kept < 6
    assert "cannot be written: No space left on device; " in line
    assert f"{kept} finished cells are kept in {disk / 'out'}; repeat the command to go on" in line
    check_goes_on(spec, copy, kept)


def test_a_directory_on_a_read_only_disk(
    spec: RunSpec, with_mounts: Script, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = RunSpec(**{**vars(spec), "snr_db": spec.snr_db[:2]})
    assert in_this_process(first, out).exit_code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    run = shlex.join(command(spec, out))
    line = one_line(with_mounts(f"mount --bind {out} {out}; mount -o remount,ro,bind {out}; {run}"))
    assert f"output directory {out} cannot be created or written to: Read-only file system" in line
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    check_goes_on(spec, out, 2)


#: Runs with the outputs of its second and third argument, one after the other; their exit codes.
TWO_RUNS = """
import sys
sys.path.insert(0, sys.argv[1])
from simulator.cli import main
codes = []
for out in sys.argv[2:4]:
    try:
        main([*sys.argv[4:], "--out", out])
    except SystemExit as ended:
        codes.append(ended.code)
print(*codes)
"""


def test_a_directory_that_is_not_ours_to_write_to(spec: RunSpec, tmp_path: Path) -> None:
    without_override = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("root may write anywhere, and there is no setpriv to take that away")
    prefix = without_override if os.geteuid() == 0 else []
    tmp_path.chmod(0o500)
    try:
        outs = (tmp_path, tmp_path / "out")
        both = [str(path) for path in (Path(__file__).parent, *outs)]
        # Both runs in one process, because its imports take longer than they do.
        found = subprocess.run(
            [*prefix, sys.executable, "-c", TWO_RUNS, *both, *arguments(spec, tmp_path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (found.returncode, found.stdout) == (0, "2 2\n"), found
        assert "Traceback" not in found.stderr
        for out, line in zip(outs, found.stderr.splitlines(), strict=True):
            expected = f"output directory {out} cannot be created or written to: Permission den"
            assert line.startswith("simulate: ")
            assert expected in line
    finally:
        tmp_path.chmod(0o700)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", ["out", "out/cells"])
def test_a_file_in_the_place_of_a_directory(spec: RunSpec, tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    line = one_line(in_this_process(spec, tmp_path / "out"))
    assert str(file) in line
    assert "cannot be" in line
    assert "File exists" in line
    assert file.read_text() == "mine"
