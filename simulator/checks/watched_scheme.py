"""A scheme whose every call is checked during a run; the first violation of each rule is kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from semantic.data.dataset import COLORS, TYPES
from semantic.tasks import TaskOutputs
from simulator.budget import check_power
from simulator.checks.report import Finding, holds
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.slots import Slot

RULES = {
    "burst": "x complex64 [batch, width], finite; uses int64 [batch], each from 0 to the width",
    "power": "average power over a batch at most P = 1 per declared use, zero beyond those uses",
    "feedback": "ack bool [batch]; request bool [batch, bits] or None; request_bits int64 "
    "[batch] >= 0; reason int8 [batch], an index of `reasons`",
    "received images": "None, or uint8 [h, w, 3] of the size of the sent ones for each image",
    "task outputs": f"finite rows for each image: embedding, vehicle, {len(COLORS)} colors, "
    f"{len(TYPES)} types",
}


class WatchedScheme:
    """Wraps a scheme for `run_link`, and checks what it returns.

    Attributes:
        problems: The first violation of each rule.
        reached: The rules that were applied at least once.
    """

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme
        self._batch: int | None = None
        self.problems: dict[str, str] = {}
        self.reached: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheme, name)

    def findings(self) -> Iterator[Finding]:
        """Yields a finding for each rule; one that no call came to neither holds nor fails."""
        for rule, expected in RULES.items():
            if rule in self.reached:
                yield holds(rule, expected, self.problems.get(rule))
            else:
                yield Finding(rule, expected, "not reached", None)

    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        """Starts the scheme, and counts the images."""
        self._batch = payload_rows(payload)
        return self._scheme.start(payload, slot)

    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        """Transmits, and checks the burst."""
        batch = self._batch if feedback is None else len(feedback.ack)
        burst, tx = self._scheme.transmit(tx, feedback, slot)
        problem = burst_problem(burst, batch)
        self._note("burst", problem)
        if problem is None:
            try:
                check_power(burst)
                self._note("power", None)
            except ValueError as error:
                used = float(burst.uses.sum())
                energy = torch.view_as_real(burst.x).double().square().sum().item()
                self._note("power", f"{error}: energy {energy:.4g} for {used:.0f} uses")
        return burst, tx

    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        """Receives, and checks the feedback."""
        feedback, rx = self._scheme.receive(rx, received, slot)
        self._note("feedback", feedback_problem(feedback, len(received.y), self._scheme.reasons))
        return feedback, rx

    def perform(self, rx: Any) -> TaskOutputs:
        """Performs the tasks, and checks their outputs."""
        outputs = self._scheme.perform(rx)
        self._note("task outputs", outputs_problem(outputs))
        return outputs

    def received_images(self, rx: Any) -> Any:
        """Returns the received images, and checks them."""
        images = self._scheme.received_images(rx)
        self._note("received images", images_problem(images))
        return images

    def _note(self, rule: str, problem: str | None) -> None:
        self.reached.add(rule)
        if problem is not None:
            self.problems.setdefault(rule, problem)


def payload_rows(payload: Payload) -> int | None:
    """Returns the number of images of a payload; None if it is empty."""
    columns = list(payload.columns.values())
    return len(columns[0]) if columns else None


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
        kind = f"{x.dtype} {list(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        return f"x is {kind}"
    if len(x) != len(uses):
        return f"x has {len(x)} rows, uses {len(uses)}"
    if not bool(x.isfinite().all()):
        return f"x holds {x[~x.isfinite()][0].item()}"
    if bool(((uses < 0) | (uses > x.shape[1])).any()):
        return f"uses are {int(uses.min())} to {int(uses.max())}, x has {x.shape[1]}"
    return None


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
        return "request is not a bool [batch, bits]"
    if request is not None and len(request) != batch:
        return f"request has {len(request)} rows for {batch} images"
    if bool((request_bits < 0).any()):
        return f"the smallest of request_bits is {int(request_bits.min())}"
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


def outputs_problem(outputs: object) -> str | None:
    """Returns the first problem of the outputs of the tasks; None if there is none."""
    if not isinstance(outputs, TaskOutputs):
        return f"a {type(outputs).__name__} instead of TaskOutputs"
    rows = len(outputs.embedding)
    for name, value in zip(outputs._fields, outputs, strict=True):
        if value.ndim != 2 or len(value) != rows or not value.is_floating_point():
            return f"{name} is {value.dtype} {list(value.shape)}, embedding has {rows} rows"
        if not bool(value.isfinite().all()):
            return f"{name} holds {value[~value.isfinite()][0].item()}"
    for name, classes in (("color", COLORS), ("type", TYPES)):
        if getattr(outputs, name).shape[1] != len(classes):
            return f"{name} has {getattr(outputs, name).shape[1]} classes"
    return None
