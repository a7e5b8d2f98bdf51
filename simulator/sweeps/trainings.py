"""Runs of several trainings: each training is a run of its own, and the curve is over all of them.

The weights of training i are those of the i-th directory of `RunSpec.trainings`. Its cells lie in
OUT/training-i, so that a run is taken up, or read alone, like any other. The rows of all trainings
carry a column "training", which is a level of every interval.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from semantic.weights.files import read_weights
from semantic.weights.stored import weights_directory
from simulator.results.curve import curve
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.sweep import Result, joined_tables

LOG = logging.getLogger(__name__)
#: Entries of a file of weights that all trainings of a network share; a table has them by name.
OPTIONS = frozenset(
    {"bandwidth_hz", "buffer", "detector", "reading", "channel", "latent", "shares_performers"}
    | {"recipe", "performers", "backbone", "image_size", "scheme_args"}
)


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
    _check_trainings(specs)
    parts = [
        run_one(one, None if out is None else training_directory(out, training))
        for training, one in enumerate(specs)
    ]
    return joined_trainings(spec, parts)


def different_trainings(spec: RunSpec) -> RunSpec:
    """Returns a spec with one training alone if the weights of all its trainings are the same.

    This is so for a scheme that uses the encoder alone, where all directories have one encoder.
    """
    first: list[str] = []
    for weights in spec.trainings:
        networks = prepare(replace(spec, weights=weights, trainings=())).networks
        hashes = sorted(networks.hashes.values())
        if hashes != (first := first or hashes):
            return spec
    return replace(spec, trainings=(), weights=spec.trainings[0])


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


def _check_trainings(specs: list[RunSpec]) -> None:
    """Opens all trainings, so that mistakes show before any is run.

    Raises:
        ValueError: When all weights of two trainings are the same, whose variance says nothing, or
            when two trainings had other options, whose difference is none of chance.
    """
    seen: dict[tuple[str, ...], str | None] = {}
    first: dict[str, tuple[str | None, dict[str, Any]]] = {}
    of_schemes: dict[str, set[str]] = {}
    for spec in specs:
        networks = prepare(spec).networks
        for scheme in spec.schemes:
            of_schemes.setdefault(scheme, set()).add(
                repr(sorted(networks.hashes_of(scheme).items()))
            )
        hashes = tuple(sorted(networks.hashes.values()))
        if hashes in seen:
            raise ValueError(
                f"{spec.weights} and {seen[hashes]} hold the same weights, they are one training"
            )
        seen[hashes] = spec.weights
        for name in networks.hashes:
            options = _options(weights_directory(spec.weights) / name)
            directory, known = first.setdefault(name, (spec.weights, options))
            for key in sorted(known.keys() | options.keys()):
                if known.get(key) != options.get(key):
                    raise ValueError(
                        f"{directory} and {spec.weights} are not trainings of one network: the "
                        f"{key} of {name} is {known.get(key)!r:.80} and {options.get(key)!r:.80}; "
                        "give each a run of its own"
                    )
    if same := [scheme for scheme, weights in of_schemes.items() if len(weights) == 1]:
        LOG.warning(
            "the weights of %s are the same in all directories: its intervals hold no variance "
            "between trainings, whatever their column `trainings` says",
            ", ".join(same),
        )


def _options(path: Path) -> dict[str, Any]:
    """Returns the options of the training of a file of weights, without its seeds."""
    config = read_weights(path)[1]
    found = {
        f"{key} {name}" if isinstance(value, dict) else key: one
        for key, value in config.items()
        if key in OPTIONS
        for name, one in (value if isinstance(value, dict) else {key: value}).items()
    }
    return {key: value for key, value in found.items() if not key.endswith(" seed")}


def _curve(result: TrainedResult) -> pd.DataFrame:
    """The curve over all trainings, with the rows of one scheme at a time in memory."""
    curves = []
    for scheme in result.spec.schemes:
        mine = [table[table["scheme"] == scheme] for table in result.tables()]
        curves.append(curve(pd.concat(mine, ignore_index=True)))
    return pd.concat([found for found in curves if len(found)], ignore_index=True)
