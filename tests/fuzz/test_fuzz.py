"""Thousands of damaged inputs: each works, or one line says what is wrong with it.

`make fuzz` runs FUZZ_CASES cases (10 000) from FUZZ_SEED; `make test` a short fixed part. A fault
that is found here becomes a test of its own beside the code that it was found in.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import re
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kinds import KINDS, Kind
from world import World, make_world

pytestmark = [pytest.mark.integration, pytest.mark.draws]


CASES, SEED = int(os.environ.get("FUZZ_CASES", "300")), int(os.environ.get("FUZZ_SEED", "0"))


#: Memory of the process; looked at by `make fuzz` alone, as other tests leave theirs behind.
MOST_BYTES = 2**30


#: Largest share of a kind whose cases are whole runs.
WHOLE_RUNS = 0.04


@pytest.fixture(scope="module")
def world(tiny_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"), tiny_weights)


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A directory that another user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_input_works_or_gets_one_line(kind: Kind, world: World, open_to_all: Path) -> None:
    found: dict[str, list[str]] = {}
    measured = "FUZZ_CASES" in os.environ
    for number in range(max(1, round(CASES * KINDS[kind]))):
        rng = random.Random(f"{SEED} {kind.__name__} {number}")
        here = open_to_all / str(number)
        here.mkdir()
        problem = kind(rng, world, here)
        if problem is not None:
            found.setdefault(place(problem), []).append(f"case {number}: {problem}")
        shutil.rmtree(here, ignore_errors=True)
        _give_back_memory(measured and KINDS[kind] <= WHOLE_RUNS)
    shown = [f"{len(cases)} times, first {cases[0]}" for cases in found.values()]
    assert not found, f"{len(found)} faults of {kind.__name__}:\n" + "\n".join(shown)
    if measured:
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MOST_BYTES


def _give_back_memory(collect: bool) -> None:
    """Returns freed memory to the system, which the C library would keep: only leaks remain.

    Args:
        collect: Whether to free what references itself. Python's collector counts objects, not bytes,
            and lets the networks of several runs wait. It takes half a second.
    """
    if collect:
        gc.collect()
    with suppress(OSError, AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)


def place(problem: str) -> str:
    """Where a fault lies, so that each is shown once: the last line of code and the exception."""
    frames = [line for line in problem.splitlines() if line.lstrip().startswith("File ")]
    error = problem.strip().splitlines()[-1].partition(":")[0]
    return f"{frames[-1]} {error}" if frames else re.sub(r"[0-9]+", "#", problem)[:60]
