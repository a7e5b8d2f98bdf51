"""What a scheme's calls may return: the first problem of a result, in words, or None.

A run refuses a user's own scheme at the first problem, and `simulate check` names it: a result of
another shape would be broadcast, a negative cost would be subtracted, without a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from semantic.data.dataset import COLORS, TYPES
from semantic.tasks import TaskOutputs
from simulator.scheme import Burst, Feedback, Scheme

#: Most channel uses of a burst, bits of a request and control bits: 64-bit sums stay far from their end.
MOST_COUNT = 10**9
#: Most images that are simulated together.
MOST_IMAGES = 10**6


def attributes_problem(scheme: Scheme) -> str | None:
    """Returns the first problem of a scheme's attributes."""
    reasons: object = scheme.reasons
    if not (
        isinstance(reasons, tuple | list) and reasons and all(isinstance(r, str) for r in reasons)
    ):
        return f"reasons is {reasons!r:.80}, it must be a tuple of at least one text"
    for name, least, most in (
        ("side_information_bits", 0, MOST_COUNT),
        ("batch_size", 1, MOST_IMAGES),
    ):
        problem = count_problem(name, getattr(scheme, name), least, most)
        if problem is not None:
            return problem
    for name in ("needs_features", "open_loop"):
        value: object = getattr(scheme, name)
        if not isinstance(value, bool):
            return f"{name} is {value!r:.80}, it must be True or False"
    return None


def count_problem(name: str, value: object, least: int, most: int) -> str | None:
    """Returns why a value is no whole number in a range.

    >>> count_problem("pilots", 2.5, 0, 9), count_problem("pilots", 2, 0, 9)
    ('pilots is 2.5, it must be a whole number from 0 to 9', None)
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if whole and least <= int(value) <= most:  # type: ignore[call-overload]
        return None
    return f"{name} is {value!r:.80}, it must be a whole number from {least} to {most}"


def _column_problem(name: str, value: object, dtype: torch.dtype, batch: int | None) -> str | None:
    if not isinstance(value, Tensor):
        return f"{name} is a {type(value).__name__}"
    if value.dtype != dtype or value.ndim != 1 or (batch is not None and len(value) != batch):
        return f"{name} is {value.dtype} {list(value.shape)} for {batch} images"
    return None


def burst_problem(burst: object, batch: int | None) -> str | None:
    """Returns the first problem of a burst of so many images; None if there is none."""
    if not isinstance(burst, Burst):
        return f"a {type(burst).__name__} instead of a Burst"
    x, uses = burst.x, burst.uses
    problem = _column_problem("uses", uses, torch.int64, batch)
    if problem is not None:
        return problem
    if not isinstance(x, Tensor) or x.dtype != torch.complex64 or x.ndim != 2:
        return f"x is {_kind(x)}"
    if len(x) != len(uses):
        return f"x has {len(x)} rows, uses {len(uses)}"
    if not bool(x.isfinite().all()):
        return f"x holds {x[~x.isfinite()][0].item()}"
    if bool(((uses < 0) | (uses > x.shape[1])).any()):
        return f"uses are {int(uses.min())} to {int(uses.max())}, x has {x.shape[1]}"
    return _header_problem(burst, len(uses))


def _header_problem(burst: Burst, batch: int) -> str | None:
    header, bits = burst.header, burst.header_bits
    if header is None:
        return None if bits is None else "header_bits is given without a header"
    if not isinstance(header, Tensor) or header.dtype != torch.bool or header.ndim != 2:
        return f"header is {_kind(header)}, it must be bool [batch, bits]"
    if len(header) != batch:
        return f"header has {len(header)} rows for {batch} images"
    return None if bits is None else _column_problem("header_bits", bits, torch.int64, batch)


def _kind(value: object) -> str:
    return (
        f"{value.dtype} {list(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )


def feedback_problem(feedback: object, batch: int, reasons: tuple[str, ...]) -> str | None:
    """Returns the first problem of the feedback for so many images; None if there is none."""
    if not isinstance(feedback, Feedback):
        return f"a {type(feedback).__name__} instead of a Feedback"
    request, request_bits, reason = feedback.request, feedback.request_bits, feedback.reason
    problem = (
        _column_problem("ack", feedback.ack, torch.bool, batch)
        or _column_problem("request_bits", request_bits, torch.int64, batch)
        or _column_problem("reason", reason, torch.int8, batch)
    )
    if problem is not None:
        return problem
    if request is not None and not (
        isinstance(request, Tensor) and request.dtype == torch.bool and request.ndim == 2
    ):
        return f"request is {_kind(request)}, it must be bool [batch, bits]"
    if request is not None and len(request) != batch:
        return f"request has {len(request)} rows for {batch} images"
    if bool((request_bits < 0).any()):
        return f"the smallest of request_bits is {int(request_bits.min())}"
    if bool((request_bits > MOST_COUNT).any()):
        return f"the largest of request_bits is {int(request_bits.max())}, allowed are {MOST_COUNT}"
    if bool(((reason < 0) | (reason >= len(reasons))).any()):
        return f"reason {int(reason.max())}, there are {len(reasons)} reasons"
    return None


def images_problem(images: object) -> str | None:
    """Returns the first problem of received images; None if there is none.

    >>> images_problem(torch.zeros(2, 8, 8, 3))
    'image 0 is torch.float32 [8, 8, 3]'
    """
    if images is None:
        return None
    if not isinstance(images, Tensor | Sequence):
        return f"a {type(images).__name__}"
    for i, image in enumerate(images):
        if not isinstance(image, Tensor | np.ndarray):
            return f"image {i} is a {type(image).__name__}"
        if str(image.dtype).removeprefix("torch.") != "uint8" or image.ndim != 3:
            return f"image {i} is {image.dtype} {list(image.shape)}"
    return None


def outputs_problem(outputs: object, batch: int | None = None) -> str | None:
    """Returns the first problem of the outputs of the tasks; None if there is none.

    Args:
        outputs: What `perform` returned.
        batch: Images that it was called for; None if unknown.
    """
    if not isinstance(outputs, TaskOutputs):
        return f"a {type(outputs).__name__} instead of TaskOutputs"
    embedding: object = outputs.embedding
    if batch is None and isinstance(embedding, Tensor) and embedding.ndim:
        batch = len(embedding)
    for name, value in zip(outputs._fields, outputs, strict=True):
        if not isinstance(value, Tensor) or value.ndim != 2 or not value.is_floating_point():
            return f"{name} is {_kind(value)}, it must be floating-point [batch, width]"
        if len(value) != batch:
            return f"{name} has {len(value)} rows for {batch} images"
        if not value.shape[1] and name != "vehicle":
            return f"{name} has no columns"
        if not bool(value.isfinite().all()):
            return f"{name} holds {value[~value.isfinite()][0].item()}"
    for name, classes in (("color", COLORS), ("type", TYPES)):
        if getattr(outputs, name).shape[1] != len(classes):
            return f"{name} has {getattr(outputs, name).shape[1]} classes"
    return None


def rows_problem(name: str, state: Any, batch: int) -> str | None:
    """Returns the first value in a state that has not one row for each image.

    >>> rows_problem("state", (torch.zeros(3), None), 3)
    >>> rows_problem("state", (torch.zeros(3), [1, 2]), 3)
    'state[1] has 2 rows for 3 images'
    """
    if isinstance(state, Tensor | np.ndarray | list):
        rows = len(state) if isinstance(state, list) or state.ndim else "no"
        return None if rows == batch else f"{name} has {rows} rows for {batch} images"
    if state is None or isinstance(state, int | float | str) or hasattr(state, "take"):
        return None
    parts: list[tuple[str, Any]] = []
    if isinstance(state, tuple):
        parts = [(f"{name}[{place}]", value) for place, value in enumerate(state)]
    elif is_dataclass(state) and not isinstance(state, type):
        parts = [(f"{name}.{f.name}", getattr(state, f.name)) for f in fields(state)]
    else:
        return f"{name} is a {type(state).__name__}, which has no rows for images"
    return next((p for part in parts if (p := rows_problem(*part, batch)) is not None), None)
