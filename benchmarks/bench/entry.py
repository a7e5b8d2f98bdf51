"""What an entry of the bench is, and the table of all entries.

An entry is a function with `@entry(name)`. It does the work once per call of the closures that it
returns; the bench times them in turn, so that other work on the machine meets both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median

#: Work that is timed. Whole commands return the peak memory of their largest process in bytes.
Work = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """What an entry measures.

    Attributes:
        work: The simulator's own work.
        reference: The same task, or its unavoidable part, by other means.
        measures: Description of the work.
        against: Description of the reference.
        amount: Units of work in one call.
        unit: Name of the unit, in the singular.
        operations: Floating-point operations of one call; 0 where they do not bind.
        moved: Bytes that one call must move; 0 where they do not bind.
        cached: Bytes of one call that the first-level cache must move; 0 where they do not bind.
        whole: Whether the calls start processes: then wall-clock time counts.
        rounds: Calls of each of the two that are timed.
    """

    work: Work
    reference: Work
    measures: str
    against: str
    amount: float
    unit: str
    operations: float = 0.0
    moved: float = 0.0
    cached: float = 0.0
    whole: bool = False
    rounds: int = 5


#: Opens an entry: reads data and weights, which is not timed. With True it makes the work small:
#: enough to run all of its code, not to measure it.
Open = Callable[[bool], Case]
#: All entries, in the order of the bench.
ENTRIES: dict[str, Open] = {}


def entry(name: str) -> Callable[[Open], Open]:
    """Declares the function that follows as an entry of the bench."""

    def declare(function: Open) -> Open:
        if name in ENTRIES:
            raise ValueError(f"two entries are called {name!r}")
        ENTRIES[name] = function
        return function

    return declare


@dataclass(frozen=True)
class Times:
    """Least time of one call, in seconds, and its memory.

    Attributes:
        work: Of the work.
        reference: Of the reference.
        peak: Peak memory of the work's largest process in bytes; 0 where no process was started.
    """

    work: float
    reference: float
    peak: int = 0


def least_seconds(case: Case, rounds: int | None = None) -> Times:
    """Returns the least times of work and reference, called in turn after one call of each.

    Args:
        case: What is measured.
        rounds: Calls that are timed, in place of the case's own number.
    """
    clock = time.perf_counter if case.whole else time.process_time
    found: dict[str, list[float]] = {"work": [], "reference": []}
    peak = 0
    for number in range((rounds or case.rounds) + 1):
        for name, call in (("work", case.work), ("reference", case.reference)):
            began = clock()
            result = call()
            if number:
                found[name].append(clock() - began)
            if case.whole and name == "work" and isinstance(result, int):
                peak = max(peak, result)
    return Times(min(found["work"]), min(found["reference"]), peak)


def ratio_beside(case: Case, busy: Callable[[], AbstractContextManager[None]]) -> float:
    """Returns the wall-clock time of the work beside another job, over that alone.

    Both are medians over the case's rounds, in turn, so that what else the machine does meets both.

    Args:
        case: What is measured; it has been called before.
        busy: Runs the other job while its context is open.
    """
    alone, beside = [], []
    for _ in range(case.rounds):
        alone.append(_wall(case.work))
        with busy():
            beside.append(_wall(case.work))
    return median(beside) / median(alone)


def _wall(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
