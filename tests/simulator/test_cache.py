"""The cache directory: what it keeps when it is full, and what it never touches."""

import os
from pathlib import Path

import pytest
import torch

from simulator import cache
from simulator.cache import cache_file, load_cached, save_cached

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


def test_a_killed_writer_leaves_nothing_for_ever(small: Path) -> None:
    small.mkdir()
    left = small / f".{cache_file('trial', 0).stem}.k1ll_d.safetensors"
    left.write_bytes(bytes(8_000))
    os.utime(left, (0, 0))
    store(1)
    assert left.exists()
    store(2)
    assert not left.exists()


def test_files_of_others_stay(small: Path) -> None:
    small.mkdir()
    foreign = [small / name for name in ("thesis.txt", "weights.safetensors", ".hidden")]
    for path in foreign:
        path.write_bytes(bytes(20_000))
        os.utime(path, (0, 0))
    kept = [store(1), store(2)]
    assert all(path.exists() for path in (*foreign, *kept))
