"""A disk that is full and a directory that is read-only: one clear line, and what is done is kept.

The file systems are real ones: small tmpfs in a mount namespace that dies with its process, so that
root meets them too, and nothing stays mounted.
"""

import ctypes
import os
import shutil
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
from run_processes import arguments, checked_cells, forked, in_this_process

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


#: Of unshare(2) and mount(2).
CLONE_NEWNS, CLONE_NEWUSER, MS_REC, MS_PRIVATE = 0x20000, 0x10000000, 0x4000, 1 << 18


@contextmanager
def mounted(script: str, copied: tuple[Path, Path] | None = None) -> Iterator[None]:
    """Runs a shell script that mounts file systems, for this process alone.

    Args:
        script: The script.
        copied: A folder that is copied at the end, before its file system is gone, and where to.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        Path("/proc/self", name).write_text(text)
    assert libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0
    subprocess.run(["sh", "-ec", script], check=True)
    try:
        yield
    finally:
        if copied is not None:
            shutil.copytree(*copied)


@pytest.fixture(scope="module")
def may_mount() -> None:
    test = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(test, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let us mount a tmpfs in a namespace of our own")


Around = Callable[[], AbstractContextManager[None]]


def lines_of(spec: RunSpec, out: Path, shown: Path, around: Around, *options: str) -> list[str]:
    """What a run says that exits with 2 in a process of its own."""
    found = forked(arguments(spec, out, *options), str(shown), around)
    found.join(120)
    text = shown.read_text()
    assert found.exitcode == 2, text
    assert "Traceback" not in text
    assert all(line.startswith("simulate: ") for line in text.splitlines())
    return text.splitlines()


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
    spec: RunSpec, may_mount: None, tmp_path: Path, engine: tuple[str, ...]
) -> None:
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    small = f"mount -t tmpfs -o size=128k none {disk}"
    around = partial(mounted, small, (disk / "out", copy))
    (line,) = lines_of(spec, disk / "out", tmp_path / "shown", around, *engine)
    kept = len(checked_cells(copy))
    assert 0 < kept < 6
    assert "cannot be written: No space left on device; " in line
    assert f"{kept} finished cells are kept in {disk / 'out'}; repeat the command to go on" in line
    check_goes_on(spec, copy, kept)


def test_a_directory_on_a_read_only_disk(spec: RunSpec, may_mount: None, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = RunSpec(**{**vars(spec), "snr_db": spec.snr_db[:2]})
    assert in_this_process(first, out).exit_code == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    read_only = f"mount --bind {out} {out}; mount -o remount,ro,bind {out}"
    (line,) = lines_of(spec, out, tmp_path / "shown", partial(mounted, read_only))
    assert f"output directory {out} cannot be created or written to: Read-only file system" in line
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    check_goes_on(spec, out, 2)


@contextmanager
def not_almighty() -> Iterator[None]:
    """Takes from root what lets it write anywhere: CAP_DAC_OVERRIDE is capability 1."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, kept = struct.pack("Ii", 0x20080522, 0), ctypes.create_string_buffer(24)
    assert libc.capget(header, kept) == 0
    effective, *rest = struct.unpack("6I", kept)
    assert libc.capset(header, struct.pack("6I", effective & ~(1 << 1), *rest)) == 0
    yield


def test_a_directory_that_is_not_ours_to_write_to(spec: RunSpec, tmp_path: Path) -> None:
    place, shown = tmp_path / "place", tmp_path / "shown"
    place.mkdir(mode=0o500)
    for out in (place, place / "out"):
        (line,) = lines_of(spec, out, shown, not_almighty)
        expected = f"output directory {out} cannot be created or written to: Permission denied"
        assert expected in line
        shown.unlink()
    assert not list(place.iterdir())


@pytest.mark.parametrize("place", ["out", "out/cells"])
def test_a_file_in_the_place_of_a_directory(spec: RunSpec, tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine")
    found = in_this_process(spec, tmp_path / "out")
    assert found.exit_code == 2
    (line,) = found.stderr.splitlines()
    assert line.startswith("simulate: ")
    assert str(file) in line
    assert "cannot be" in line
    assert "File exists" in line
    assert file.read_text() == "mine"
