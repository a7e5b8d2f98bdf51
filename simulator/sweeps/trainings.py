"""Runs of several trainings: each training is a run of its own, and the curve is over all of them.

The weights of training i are those of the i-th directory of `RunSpec.trainings`. Its cells lie in
OUT/training-i, so that a run is taken up, or read alone, like any other. The rows of all trainings
carry a column "training", which is a level of every interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from simulator.results.curve import curve
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.sweep import Result, joined_tables


@dataclass(frozen=True)
class TrainedResult(Result):
    """The results of several trainings as one.

    Attributes:
        parts: The result of each training.
    """

    parts: tuple[Result, ...] = ()

    def tables(self, at_least: int | None = 65536) -> Iterator[pd.DataFrame]:
        """Yields the per-image rows, with a column "training", as `Result.tables` does."""
        found = (
            table.assign(training=training)
            for training, part in enumerate(self.parts)
            for table in part.tables()
        )
        return joined_tables(found, at_least)


def run_trainings(
    spec: RunSpec, out: Path | None, run_one: Callable[[RunSpec, Path | None], Result]
) -> Result:
    """Runs a spec once for each of its trainings.

    Args:
        spec: With `trainings`, or without: then it is one run.
        out: The directory of the run; None keeps nothing.
        run_one: Runs the spec of one training in a directory.

    Raises:
        ValueError: When seeds are to be added until a point is known: trainings would get
            different seeds.
    """
    if not spec.trainings:
        return run_one(spec, out)
    if spec.until is not None:
        raise ValueError("--until needs one training: give --seeds with several --weights")
    specs = [replace(spec, weights=weights, trainings=()) for weights in spec.trainings]
    _refuse_copies(specs)
    parts = [
        run_one(one, None if out is None else training_directory(out, training))
        for training, one in enumerate(specs)
    ]
    return joined_trainings(spec, parts)


def training_directory(out: Path, training: int) -> Path:
    """Returns the directory of a training of a run of several."""
    return out / f"training-{training}"


def joined_trainings(spec: RunSpec, parts: Sequence[Result]) -> TrainedResult:
    """Returns the results of several trainings as one, with the curve over all of them.

    Args:
        spec: With `trainings`.
        parts: The result of each training.
    """
    first = parts[0]
    hashes = {
        f"training-{training}/{name}": digest
        for training, part in enumerate(parts)
        for name, digest in part.hashes.items()
    }
    joined = TrainedResult(
        spec=replace(spec, precision=first.spec.precision),
        curve=first.curve,
        hashes=hashes,
        problems=first.problems,
        failures=tuple(failure for part in parts for failure in part.failures),
        count=first.count,
        store=first.store,
        names=first.names,
        keep=first.keep,
        files={path: digest for part in parts for path, digest in part.files.items()},
        not_recorded=first.not_recorded,
        parts=tuple(parts),
    )
    return replace(joined, curve=_curve(joined))


def _refuse_copies(specs: list[RunSpec]) -> None:
    """Opens all trainings, so that mistakes show before any is run; copies of one are a mistake.

    Raises:
        ValueError: When all weights of two trainings are the same: their variance says nothing.
    """
    seen: dict[tuple[str, ...], str | None] = {}
    for spec in specs:
        hashes = tuple(sorted(prepare(spec).networks.hashes.values()))
        if hashes in seen:
            raise ValueError(
                f"{spec.weights} and {seen[hashes]} hold the same weights, they are one training"
            )
        seen[hashes] = spec.weights


def _curve(result: TrainedResult) -> pd.DataFrame:
    """The curve over all trainings, with the rows of one scheme at a time in memory."""
    curves = []
    for scheme in result.spec.schemes:
        mine = [table[table["scheme"] == scheme] for table in result.tables()]
        curves.append(curve(pd.concat(mine, ignore_index=True)))
    return pd.concat([found for found in curves if len(found)], ignore_index=True)
