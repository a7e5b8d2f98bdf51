"""Kinds of odd values: arguments of Python's functions, and keys of JSON files that are given twice."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from judge import judge_call, judge_refused
from mutate import ODD
from world import World

from semantic.data.opening import open_dataset
from simulator import compare, load_run, plot, simulate
from simulator.interactive.given_images import choose_numbers
from simulator.spec import RunSpec


def python_values(rng: random.Random, world: World, here: Path) -> str | None:
    """Odd values of the arguments of Python's functions."""
    odd = rng.choice((*ODD, b"x", object(), {1}, 1 + 2j, range(0), np.zeros(2), np.float32(0)))
    small: dict[str, Any] = {"data": str(world.table), "weights": str(world.weights)}
    name = rng.choice(
        [f.name for f in fields(RunSpec)] + ["spec", "out", "engine", "scheme", "snr"]
    )
    if name == "out" and isinstance(odd, str):
        odd = here / "out"  # any text is a path
    given = {"scheme": "perfect", "snr": 0.0, **small, name: odd}
    if name in ("schemes", "snr_db"):
        del given[{"schemes": "scheme", "snr_db": "snr"}[name]]
    calls: list[Callable[[], object]] = [
        lambda: simulate(**given),
        lambda: load_run(odd),
        lambda: compare(odd, world.run),
        lambda: plot([odd], odd),
        lambda: choose_numbers(odd, [None]),
    ]
    return judge_call(rng.choice(calls), (ValueError,))


def twice(rng: random.Random, world: World, here: Path) -> str | None:
    """A key of a run.json, or of a label in JSON, that is given twice, is always refused."""
    text = (world.run / "run.json").read_text()
    labels = (world.json / "labels.json").read_text()
    keys = [f.name for f in fields(RunSpec) if f'"{f.name}":' in text]
    if rng.random() < 0.5:
        key = rng.choice(keys)
        (here / "run.json").write_text(text.replace(f'"{key}":', f'"{key}": 0, "{key}":', 1))
        return judge_refused(lambda: RunSpec.read(here / "run.json"), "is given twice")
    root = world.copy(world.json, here / "data")
    key = rng.choice(("file", "vehicle", "camera", "color", "split"))
    (root / "labels.json").write_text(labels.replace(f'"{key}":', f'"{key}": 0, "{key}":', 1))
    return judge_refused(lambda: open_dataset(str(root)), "is given twice")
