"""Joins runs of one training or of several: each training is joined by itself, then all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from simulator.sweeps.merge import Merged, merge_points
from simulator.sweeps.plan import PLAN
from simulator.sweeps.records import write_result
from simulator.sweeps.store import Store
from simulator.sweeps.trainings import joined_trainings, training_directory
from simulator.trust import parts_of


def merge_runs(directories: Sequence[Path], out: Path) -> str:
    """Writes the joined run.

    Args:
        directories: Directories of runs, finished or not. One of them may be `out` itself.
        out: Directory of the joined run.

    Returns:
        One line: the number of joined points, trainings and runs, and the number of missing points.

    Raises:
        ValueError: If a directory is not a run, or if the runs are not one study.
    """
    count = _trainings(directories)
    if not count:
        merged = merge_points(directories, out)
        return _summary([merged], len(directories), out)
    parts = [
        merge_points(
            [training_directory(directory, training) for directory in directories],
            training_directory(out, training),
        )
        for training in range(count)
    ]
    results = [part.result for part in parts]
    weights = tuple(str(result.spec.weights) for result in results)
    spec = replace(results[0].spec, weights=None, trainings=weights)
    write_result(joined_trainings(spec, results), out)
    return _summary(parts, len(directories), out)


def _trainings(directories: Sequence[Path]) -> int:
    """Returns the number of trainings of all runs; 0 for runs of one training.

    Raises:
        ValueError: If the runs have different numbers of trainings.
    """
    counts = [trainings_in(directory) for directory in directories]
    for directory, count in zip(directories, counts, strict=True):
        if count != counts[0]:
            first = directories[0]
            raise ValueError(
                f"{first} and {directory} are not one study: they have {_said(counts[0])} and "
                f"{_said(count)}"
            )
    return counts[0]


def trainings_in(directory: Path) -> int:
    """Returns how many trainings a run of several has begun; 0 for a run of one training."""
    if (Store(directory).root / PLAN).exists():
        return 0
    count = 0
    while (Store(training_directory(directory, count)).root / PLAN).exists():
        count += 1
    return count


def _said(count: int) -> str:
    return f"{count} trainings" if count else "one training"


def _summary(parts: Sequence[Merged], runs: int, out: Path) -> str:
    points = sum(len(part.result.names) for part in parts)
    text = f"{out}: {points} points of {runs} runs"
    if len(parts) > 1:
        text += f" and {len(parts)} trainings"
    missing = sum(part.missing for part in parts)
    if missing:
        trust = " --trust" if parts_of(parts[0].result.spec) else ""
        text += (
            f"; {missing} are missing: simulate --spec {out / 'run.json'}{trust} --out {out} "
            "computes them"
        )
    return "; ".join([text, *(line for part in parts for line in part.damaged)])
