"""A scheme whose every call is checked during a run; the first violation of each rule is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from phy.channel import Received
from semantic.data.dataset import COLORS, TYPES
from semantic.tasks import TaskOutputs
from simulator.budget import check_power
from simulator.checks.report import Finding, holds
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.scheme_results import (
    burst_problem,
    feedback_problem,
    images_problem,
    outputs_problem,
)
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
