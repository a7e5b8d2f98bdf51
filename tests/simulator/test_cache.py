"""The cache directory: what it keeps when it is full, and what it never touches."""

import os
import time
from pathlib import Path

import pytest
import torch

from simulator import cache
from simulator.cache import cache_file, load_cached, save_cached
from simulator.commands.train import clear_leftovers

TENSORS = {"s": torch.arange(1000.0)}


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEMHARQ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "LIMIT_BYTES", 14_000)  # three files of 4 kB
    return tmp_path / "cache"


def store(number: int) -> Path:
    """A file that was last used `number` seconds after the epoch."""
    path = cache_file("trial", number)
    save_cached(path, TENSORS)
    if path.exists():
        os.utime(path, (number, number))
    return path


def test_what_was_unused_for_longest_makes_room(small: Path) -> None:
    first, second, third = store(1), store(2), store(3)
    assert load_cached(first) is not None  # used just now
    fourth = store(4)
    assert [path.exists() for path in (first, second, third, fourth)] == [True, False, True, True]


#: What a killed process leaves: our temporary file, and the one of the library safetensors.
HEADER = (2).to_bytes(8, "little") + b"{}"
KILLED = (f".{cache_file('trial', 0).stem}.k1ll_d.safetensors", ".tmpA8ZIyV")


@pytest.mark.parametrize("name", KILLED)
def test_a_killed_writer_leaves_nothing(small: Path, name: str) -> None:
    small.mkdir()
    left = small / name
    left.write_bytes(HEADER + bytes(8_000))
    os.utime(left, (0, 0))
    store(1)
    assert not left.exists()


@pytest.mark.parametrize("name", KILLED)
def test_what_a_killed_writer_leaves_counts(small: Path, name: str) -> None:
    """It may belong to a process that lives: for an hour it only counts against the limit."""
    small.mkdir()
    left = small / name
    left.write_bytes(HEADER + bytes(8_000))
    os.utime(left, (time.time() - 60,) * 2)
    first = store(1)
    assert first.exists()
    second = store(2)
    assert [path.exists() for path in (left, first, second)] == [True, False, True]


def test_trainings_begin_without_leftovers(tmp_path: Path) -> None:
    names = (".encoder.checkpoint.safetensors.k1ll_d00", "stc.reid/.tmpA8ZIyV")
    kept = ("encoder.checkpoint.safetensors", ".tmpNotOurs", ".profile", ".tmpABCDEF")
    for name in (*names, *kept):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"text" if name in kept else HEADER + bytes(100))
        os.utime(path, (0, 0))
    clear_leftovers(tmp_path)
    assert not any((tmp_path / name).exists() for name in names)
    assert all((tmp_path / name).exists() for name in kept)


def test_files_of_others_stay(small: Path) -> None:
    small.mkdir()
    foreign = [small / name for name in ("thesis.txt", "weights.safetensors", ".hidden")]
    for path in foreign:
        path.write_bytes(bytes(20_000))
        os.utime(path, (0, 0))
    kept = [store(1), store(2)]
    assert all(path.exists() for path in (*foreign, *kept))
