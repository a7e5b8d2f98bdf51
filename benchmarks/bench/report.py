"""Measurements of the bench: on the terminal, as JSON with a history, and as docs/performance.md."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench.entry import Case, least_seconds, ratio_beside
from benchmarks.bench.machine import Machine, this_machine
from benchmarks.bench.other_job import other_job

#: One JSON object a line for each measurement, the newest last.
HISTORY = Path(__file__).parents[1] / "results" / "bench.jsonl"
PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
MARK = "<!-- measured -->\n"


@dataclass(frozen=True)
class Measurement:
    """The result of an entry.

    Attributes:
        name: Name of the entry.
        measures: Description of the work.
        against: Description of the reference.
        unit: Unit of the work.
        seconds: Seconds of the work per unit.
        reference: Seconds of the reference per unit.
        ratio: Work over reference; below 1 the simulator is faster.
        clock: "processor" or "wall-clock".
        operations: Floating-point operations per unit.
        moved: Bytes per unit.
        cached: Bytes per unit that the first-level cache must move.
        bound: Resource that binds: "products", "memory", "cache" or "".
        share: Share of the bound's rate that the work achieves; 0 without a bound.
        when: UTC time.
        machine: Rates of the machine.
        peak: Peak memory of the largest process in bytes; 0 for work in the bench's own process.
        beside: Wall-clock time beside another job over that alone; 0 if not measured.
        threads: Threads of the other job; 0 if there was none.
    """

    name: str
    measures: str
    against: str
    unit: str
    seconds: float
    reference: float
    ratio: float
    clock: str
    operations: float
    moved: float
    cached: float
    bound: str
    share: float
    when: str
    machine: dict[str, Any]
    peak: int = 0
    beside: float = 0.0
    threads: int = 0


def measure(name: str, case: Case, beside: int = 0, rounds: int | None = None) -> Measurement:
    """Times an entry and places it under the roof of the machine.

    Args:
        name: Name of the entry.
        case: What is measured.
        beside: Threads of another job beside which the work is also timed; 0 for none.
        rounds: Calls that are timed, in place of the case's own number.
    """
    times = least_seconds(case, rounds)
    work, reference = times.work, times.reference
    machine = this_machine()
    bound, floor = _bound(case, machine)
    return Measurement(
        name=name,
        measures=case.measures,
        against=case.against,
        unit=case.unit,
        seconds=work / case.amount,
        reference=reference / case.amount,
        ratio=work / reference,
        clock="wall-clock" if case.whole else "processor",
        operations=case.operations / case.amount,
        moved=case.moved / case.amount,
        cached=case.cached / case.amount,
        bound=bound,
        share=floor / work,
        when=time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
        machine=machine.to_json(),
        peak=times.peak,
        beside=ratio_beside(case, lambda: other_job(beside)) if beside else 0.0,
        threads=beside,
    )


def _bound(case: Case, machine: Machine) -> tuple[str, float]:
    """Returns the resource that binds and the least seconds that it allows."""
    floors = {
        "products": case.operations / machine.flops,
        "memory": case.moved / machine.copied,
        "cache": case.cached / machine.cached,
    }
    bound = max(floors, key=lambda name: floors[name])
    return (bound, floors[bound]) if floors[bound] else ("", 0.0)


def line(found: Measurement) -> str:
    """Returns a measurement as text."""
    roof = f"; {found.share:.0%} of the rate of {found.bound}" if found.bound else ""
    roof += f"; {found.peak / 2**20:.0f} MiB" if found.peak else ""
    if found.threads:
        roof += f"; {found.beside:.2f} times as long beside a job of {found.threads} threads"
    return (
        f"{found.name}: {found.measures}: {_seconds(found.seconds)} a {found.unit} "
        f"({found.clock}); {found.against}: {_seconds(found.reference)}; "
        f"ratio {found.ratio:.3g}{roof}"
    )


def record(found: Measurement) -> None:
    """Appends a measurement to the history."""
    HISTORY.parent.mkdir(parents=True, exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(found)) + "\n")


def newest(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Returns the newest measurement of every entry.

    >>> newest(['{"name": "a", "ratio": 1}', '{"name": "a", "ratio": 2}'])
    {'a': {'name': 'a', 'ratio': 2}}
    """
    found = (json.loads(text) for text in lines if text.strip())
    return {one["name"]: one for one in found}


def write_page() -> None:
    """Replaces the table of docs/performance.md by the newest measurements of the history."""
    found = newest(HISTORY.read_text(encoding="utf-8").splitlines())
    text = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    PAGE.write_text(text + MARK + "\n" + table(found.values()) + "\n", encoding="utf-8")


def table(found: Iterable[dict[str, Any]]) -> str:
    """Returns the measurements as a table in Markdown."""
    rows = [
        "| entry | what is measured | time | reference | its time | ratio | roof | share "
        "| memory | beside |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        share = f"{one['share']:.0%}" if one["bound"] else ""
        per = f"{_seconds(one['seconds'])} a {one['unit']}"
        cells = [f"`{one['name']}`", one["measures"], per, one["against"]]
        cells += [_seconds(one["reference"]), f"{one['ratio']:.3g}", one["bound"], share]
        peak, beside = one.get("peak", 0), one.get("beside", 0.0)
        cells += [f"{peak / 2**20:.0f} MiB" if peak else "", f"{beside:.2f}" if beside else ""]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _seconds(value: float) -> str:
    """Returns a time with three digits.

    >>> _seconds(0.00123), _seconds(2.5), _seconds(3.2e-8)
    ('1.23 ms', '2.5 s', '32 ns')
    """
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value / 1e-9:.3g} ns"
