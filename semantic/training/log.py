"""The log of a training's losses."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECONDS_BETWEEN_LINES = 60
#: What each line has beside the terms of the loss.
OF_LOG = ("step", "seconds")


class Log:
    """Writes means of the loss terms to a callback, a JSON-lines file and TensorBoard.

    A line is written after the first step, every `every` steps, and once a minute on slow machines.

    Args:
        path: JSON-lines file to which lines are appended.
        show: Called with each line.
        progress: Called after each step with the number of steps that are done.
        every: Largest number of steps over which a mean is taken.
    """

    def __init__(
        self,
        path: Path,
        show: Callable[[str], None],
        progress: Callable[[int], None] = lambda done: None,
        every: int = 50,
    ) -> None:
        self._path, self._show, self._progress, self._every = path, show, progress, every
        self._due = time.monotonic()
        self._sums: dict[str, list[float]] = {}
        self._start = time.monotonic()
        self._writer: Any = None
        try:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(path.with_suffix("")))
        except ImportError:
            pass  # TensorBoard is optional: the extra [train] installs it

    def __call__(self, step: int, terms: dict[str, float]) -> None:
        """Adds the loss terms of one step.

        Raises:
            ValueError: If a term is not finite: nothing is learned any more.
        """
        for name, value in terms.items():
            if not math.isfinite(value):
                raise ValueError(
                    f"{self._path.with_suffix('').stem}, step {step}: the loss {name} is {value:g}, "
                    "the training diverged"
                )
        self._progress(step + 1)
        for name, value in terms.items():
            self._sums.setdefault(name, []).append(value)
        if (step + 1) % self._every and time.monotonic() < self._due:
            return
        self._due = time.monotonic() + SECONDS_BETWEEN_LINES
        means = {name: round(float(np.mean(values)), 4) for name, values in self._sums.items()}
        self._sums.clear()
        line = {"step": step + 1, "seconds": round(time.monotonic() - self._start, 1), **means}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self._writer is not None:
            for name, value in means.items():
                self._writer.add_scalar(name, value, step + 1)
        self._show(" ".join(f"{name} {value:g}" for name, value in line.items()))
