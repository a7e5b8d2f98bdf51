"""State of the process that all parts share, and that none may change: generators and settings.

A number from a global generator depends on the size of the batch, on the number of workers and on
what ran before. A global setting of one part, such as torch's default type, changes the numbers of
the others.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def generator_states() -> dict[str, Any]:
    """Returns the states of the global generators by their names.

    Beside the main thread, as in the workers of dask, other threads of the process draw from Python's
    generator as well, so that its state says nothing about the parts of a run.
    """
    _, words, *rest = np.random.get_state()  # noqa: NPY002 -- read only
    states = {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy.random": (np.asarray(words).tobytes(), *rest),
    }
    if threading.current_thread() is threading.main_thread():
        states["random"] = random.getstate()
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states["torch.cuda"] = [s.numpy().tobytes() for s in torch.cuda.get_rng_state_all()]
    return states


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Returns the names under which two states differ.

    >>> changed({"torch": 1, "random": 2}, {"torch": 1, "random": 3})
    ['random']
    """
    return [name for name, state in before.items() if state != after[name]]


def _settings() -> dict[str, Any]:
    return {
        "torch's default type": torch.get_default_dtype(),
        "torch's precision of matrix products": torch.get_float32_matmul_precision(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "numpy's treatment of errors": np.geterr(),
    }


def _restore(names: list[str], settings: dict[str, Any]) -> None:
    """Sets those that have moved: torch imports its compiler to set that of algorithms."""
    setters: dict[str, Callable[[Any], object]] = {
        "torch's default type": torch.set_default_dtype,
        "torch's precision of matrix products": torch.set_float32_matmul_precision,
        "torch's deterministic algorithms": torch.use_deterministic_algorithms,
        "numpy's treatment of errors": lambda errors: np.seterr(**errors),
    }
    for name in names:
        setters[name](settings[name])


@contextmanager
def settings_left_alone(parts: str) -> Iterator[None]:
    """Restores global settings that the body has changed.

    Args:
        parts: Names of the parts that run in the body, for the message.

    Raises:
        ValueError: One line with the setting.
    """
    before = _settings()
    try:
        yield
    finally:
        moved = changed(before, after := _settings())
        _restore(moved, before)
    if moved:
        raise ValueError(
            f"{parts}: {moved[0]} was {before[moved[0]]}, one of them has set it to "
            f"{after[moved[0]]}, which changes the numbers of all others; leave it as it is"
        )


@contextmanager
def generators_left_alone(parts: str) -> Iterator[None]:
    """Refuses a body that draws from a global generator.

    Args:
        parts: Names of the parts that run in the body, for the message.

    Raises:
        ValueError: One line with the generator.
    """
    before = generator_states()
    yield
    moved = changed(before, generator_states())
    if moved:
        raise ValueError(
            f"{parts}: one of them uses the global generator of {', '.join(moved)}, so that its "
            "numbers depend on batch size, workers and what ran before; draw from `streams`, and "
            "make networks in __init__"
        )
