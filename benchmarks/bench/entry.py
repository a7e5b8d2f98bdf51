"""What an entry of the bench is, and the table of all entries.

An entry is a function with `@entry(name)`. It does the work once per call of the closures that it
returns; the bench times them in turn, so that other work on the machine meets both alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

#: Work that is timed.
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
    whole: bool = False
    rounds: int = 5


#: Opens an entry: reads data and weights, which is not timed.
Open = Callable[[], Case]
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


def least_seconds(case: Case) -> tuple[float, float]:
    """Returns the least time of work and reference, called in turn after one call of each."""
    clock = time.perf_counter if case.whole else time.process_time
    found: dict[str, list[float]] = {"work": [], "reference": []}
    for number in range(case.rounds + 1):
        for name, call in (("work", case.work), ("reference", case.reference)):
            began = clock()
            call()
            if number:
                found[name].append(clock() - began)
    return min(found["work"]), min(found["reference"])
