"""A user's own scheme in a run: refused if it writes into its inputs or returns what it must not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from torch import Tensor

from phy.channel import Received
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, take
from simulator.scheme_results import (
    attributes_problem,
    burst_problem,
    count_problem,
    feedback_problem,
    outputs_problem,
    rows_problem,
)
from simulator.signatures import methods_problem
from simulator.slots import Slot
from simulator.snapshot import Snapshot, unchanged

#: Most transmissions of an image.
MOST_TRANSMISSIONS = 10**6
#: Labels of a data set, which the evaluation reads.
LABELS = ("vehicle", "camera", "color", "type", "is_query")


@dataclass(frozen=True)
class _State:
    """A state of the scheme, with the copies of the payload from which it began.

    Attributes:
        value: The scheme's own state.
        payload: The copies.
        name: The call that returned it, and which of its results it is, for messages.
        rows: Images that it has rows for; None if unknown.
    """

    value: Any
    payload: Snapshot
    name: str
    rows: int | None

    def take(self, index: Tensor) -> _State:
        """Returns the rows of some of the images.

        Raises:
            ValueError: One line, if the state has not one row for each image.
        """
        problem = None if self.rows is None else rows_problem("it", self.value, self.rows)
        if problem is not None:
            raise ValueError(f"{self.name} gave a wrong state: {problem}")
        return replace(self, value=take(self.value, index), rows=len(index))


@final
class ReadOnlyInputs(Scheme):
    """Wraps a scheme: calls it, and then compares its inputs with copies made before the call.

    The clean features, the labels and the payloads serve other schemes and other points as well.
    They are restored before the error is raised, so that only the scheme that wrote fails.

    Args:
        scheme: The scheme.
        name: Its name in messages.
        strict: Whether to refuse results that the contract does not allow; `simulate check` looks
            at them itself.

    Raises:
        ValueError: One line, for another object, an attribute of another type or range, or a method
            with other parameters.
    """

    def __init__(self, scheme: Scheme, name: str, strict: bool = True) -> None:
        self.scheme, self.part, self.strict = scheme, f"scheme {name}", strict
        if not isinstance(scheme, Scheme):
            raise ValueError(
                f"scheme {name!r} is a {type(scheme).__name__}, it must be a simulator.scheme.Scheme"
            )
        self._refuse(attributes_problem(scheme))
        self._refuse(methods_problem(scheme, Scheme))
        self.reasons = scheme.reasons
        self.side_information_bits = scheme.side_information_bits
        self.needs_features = scheme.needs_features
        self.open_loop = scheme.open_loop
        self.batch_size = scheme.batch_size
        # Copies of what all calls share: once for each data set, since they must never change.
        self._shared: tuple[tuple[EncodedDataset, list[str]], Snapshot] | None = None

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the scheme's own number."""
        found: object = self.scheme.transmissions(slot, max_transmissions)
        self._refuse(count_problem("transmissions", found, 1, MOST_TRANSMISSIONS))
        return int(found)  # type: ignore[call-overload, no-any-return]

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Returns the scheme's own payload."""
        self._copy_shared(encoded)
        with unchanged(self.part, "encode", index=index):
            payload = self._called("encode", None, self.scheme.encode, encoded, index)
        if not isinstance(payload, Payload):
            raise ValueError(
                f"{self.part}: encode gave a {type(payload).__name__}, it must be a Payload"
            )
        wrong = {name: len(v) for name, v in payload.columns.items() if len(v) != len(index)}
        for name, rows in wrong.items():
            self._refuse(f"encode gave {name} with {rows} rows for {len(index)} images")
        return payload

    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        """Returns the scheme's own states."""
        copies = Snapshot(payload=payload)
        tx, rx = self._two("start", copies, self.scheme.start, payload, slot)
        columns = list(payload.columns.values())
        batch = len(columns[0]) if columns else None
        return self._state(tx, copies, "start", batch), self._state(rx, copies, "start", batch)

    def transmit(self, tx: _State, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        """Returns the scheme's own burst and state."""
        with unchanged(self.part, "transmit", tx=tx.value, feedback=feedback):
            burst, after = self._two(
                "transmit", tx.payload, self.scheme.transmit, tx.value, feedback, slot
            )
        self._refuse(burst_problem(burst, tx.rows), "transmit gave a wrong burst: ")
        return burst, self._state(after, tx.payload, "transmit", len(burst.uses))

    def read_header(self, rx: _State, header: Tensor | None) -> Any:
        """Returns the scheme's own state."""
        with unchanged(self.part, "read_header", rx=rx.value, header=header):
            after = self._called(
                "read_header", rx.payload, self.scheme.read_header, rx.value, header
            )
        return replace(rx, value=after)

    def receive(self, rx: _State, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        """Returns the scheme's own feedback and state."""
        with unchanged(self.part, "receive", rx=rx.value, received=received):
            feedback, after = self._two(
                "receive", rx.payload, self.scheme.receive, rx.value, received, slot
            )
        batch = len(received.y)
        problem = feedback_problem(feedback, batch, self.reasons)
        self._refuse(problem, "receive gave a wrong feedback: ")
        return feedback, self._state(after, rx.payload, "receive", batch)

    def perform(self, rx: _State) -> TaskOutputs:
        """Returns the scheme's own outputs."""
        with unchanged(self.part, "perform", rx=rx.value):
            outputs = self._called("perform", rx.payload, self.scheme.perform, rx.value)
        self._refuse(outputs_problem(outputs, rx.rows), "perform gave wrong outputs: ")
        return outputs  # type: ignore[no-any-return]

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns the scheme's own embeddings."""
        self._copy_shared(encoded)
        found = self._called("clean_embedding", None, self.scheme.clean_embedding, encoded, index)
        return found  # type: ignore[no-any-return]

    def offered(self, tx: _State) -> list[Tensor] | None:
        """Returns the scheme's own bits."""
        return self.scheme.offered(tx.value)

    def sent_features(self, tx: _State, slot: Slot) -> Tensor | None:
        """Returns the scheme's own positions."""
        return self.scheme.sent_features(tx.value, slot)

    def received_images(self, rx: _State) -> Tensor | Sequence[np.ndarray] | None:
        """Returns the scheme's own images."""
        return self.scheme.received_images(rx.value)

    def accepted(self, rx: _State) -> list[Tensor] | None:
        """Returns the scheme's own bits."""
        return self.scheme.accepted(rx.value)

    def _state(self, value: Any, payload: Snapshot, call: str, rows: int | None) -> _State:
        return _State(value, payload, f"{self.part}: {call}", rows if self.strict else None)

    def _refuse(self, problem: str | None, what: str = "") -> None:
        if problem is not None and self.strict:
            raise ValueError(f"{self.part}: {what}{problem}")

    def _two(self, call: str, payload: Snapshot, method: Any, *inputs: Any) -> Any:
        """Returns the two results of a call."""
        found = self._called(call, payload, method, *inputs)
        if not (isinstance(found, tuple) and len(found) == 2):
            raise ValueError(
                f"{self.part}: {call} gave a {type(found).__name__}, it must be two values"
            )
        return found

    def _called(self, call: str, payload: Snapshot | None, method: Any, *inputs: Any) -> Any:
        """Returns the result of a call, which must leave payload and data set as they were.

        The transmissions of an image do not get the data set; `perform`, the last call, looks
        whether it is unchanged.
        """
        shared = self._shared if call in ("encode", "perform", "clean_embedding") else None
        try:
            return method(*inputs)
        finally:  # restored after an exception as well
            if payload is not None:
                payload.refuse(self.part, call)
            if shared is not None:
                shared[1].refuse(self.part, call)

    def _copy_shared(self, encoded: EncodedDataset) -> None:
        inputs = shared_inputs(encoded)
        known = None if self._shared is None else self._shared[0]
        if known is None or known[0] is not encoded or known[1] != [*inputs]:
            self._shared = (encoded, [*inputs]), Snapshot(**inputs)


def shared_inputs(encoded: EncodedDataset) -> dict[str, Any]:
    """Returns what all schemes read of a data set: features, if they are computed, and labels."""
    data = encoded.dataset
    labels = {name: getattr(data, name) for name in LABELS}
    features = vars(encoded).get("features")
    return labels if features is None else {"features": features, **labels}
