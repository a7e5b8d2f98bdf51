"""The progress of runs, read from their directories. The module has no heavy imports."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from simulator.sweeps.plan import Plan
from simulator.sweeps.store import CELLS, DamagedError, Store

#: Bytes at the end of a log that are read.
TAIL_BYTES = 65536


def lines(directory: Path) -> Iterator[str]:
    """Yields the lines of `simulate status`: some for every run in or below a directory.

    Raises:
        ValueError: If there is no run.
    """
    found = sorted(path.parent.parent for path in directory.rglob(f"{CELLS}/plan.json"))
    if not found:
        raise ValueError(f"there is no run in {directory} or below it")
    for out in found:
        yield from _of_run(out)


def _of_run(out: Path) -> Iterator[str]:
    store = Store(out)
    try:
        plan = Plan.read(store)
    except ValueError as error:
        yield f"{error}; repeat the command of the run to write its plan again"
        return
    total, done, damaged = Counter[str](), Counter[str](), []
    for point, name in plan.points.items():
        scheme = point.split(" ", 1)[0]
        total[scheme] += 1
        try:
            done[scheme] += store.read(name) is not None
        except DamagedError as error:
            damaged.append(str(error))
    images, points = plan.images, total.total()
    running = f"running: {store.holder()}" if store.in_use() else "not running"
    yield f"{out}: {done.total()} of {points} points of {images} images; {running}"
    for scheme, count in total.items():
        yield f"  {scheme}: {done[scheme]} of {count}"
    blocks = len(store.names("*.block"))
    if blocks:
        yield f"  {blocks} blocks of unfinished points"
    for problem in damaged:
        yield f"  {problem}"
    yield from (f"  {line}" for line in _from_log(out / "run.log"))
    if done.total() < points and not store.in_use():
        yield f"  repeat the same command to go on; simulate merge {out} --out {out} joins what is finished"


def _from_log(path: Path) -> Iterator[str]:
    """Yields the failures since the run last began, and its last line."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace").splitlines()
    except OSError:
        return
    begins = [i for i, line in enumerate(text) if re.search(r" INFO begin: ", line)]
    since = text[begins[-1] :] if begins else text
    yield from (line.partition(" ERROR ")[2] for line in since if " ERROR " in line)
    if since:
        yield f"last: {since[-1][:160]}"
