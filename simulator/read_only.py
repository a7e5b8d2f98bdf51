"""A scheme that refuses every call which writes into its inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from torch import Tensor

from phy.channel import Received
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, take
from simulator.slots import Slot
from simulator.snapshot import Snapshot, unchanged

#: Labels of a data set, which the evaluation reads.
LABELS = ("vehicle", "camera", "color", "type", "is_query")


@dataclass(frozen=True)
class _State:
    """A state of the scheme, with the copies of the payload from which it began."""

    value: Any
    payload: Snapshot

    def take(self, index: Tensor) -> _State:
        """Returns the rows of some of the images."""
        return _State(take(self.value, index), self.payload)


@final
class ReadOnlyInputs(Scheme):
    """Wraps a scheme: calls it, and then compares its inputs with copies made before the call.

    The clean features, the labels and the payloads serve other schemes and other points as well.
    They are restored before the error is raised, so that only the scheme that wrote fails.

    Args:
        scheme: The scheme.
        name: Its name in messages.
    """

    def __init__(self, scheme: Scheme, name: str) -> None:
        self.scheme, self.part = scheme, f"scheme {name}"
        if not isinstance(scheme, Scheme):
            raise ValueError(
                f"scheme {name!r} is a {type(scheme).__name__}, it must be a simulator.scheme.Scheme"
            )
        self.reasons = scheme.reasons
        self.side_information_bits = scheme.side_information_bits
        self.needs_features = scheme.needs_features
        self.open_loop = scheme.open_loop
        self.batch_size = scheme.batch_size
        # Copies of what all calls share: once for each data set, since they must never change.
        self._shared: tuple[tuple[EncodedDataset, list[str]], Snapshot] | None = None

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the scheme's own number."""
        return self.scheme.transmissions(slot, max_transmissions)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Returns the scheme's own payload."""
        self._copy_shared(encoded)
        with unchanged(self.part, "encode", index=index):
            payload = self._called("encode", None, self.scheme.encode, encoded, index)
        return payload  # type: ignore[no-any-return]

    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        """Returns the scheme's own states."""
        copies = Snapshot(payload=payload)
        tx, rx = self._called("start", copies, self.scheme.start, payload, slot)
        return _State(tx, copies), _State(rx, copies)

    def transmit(self, tx: _State, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        """Returns the scheme's own burst and state."""
        with unchanged(self.part, "transmit", tx=tx.value, feedback=feedback):
            burst, after = self._called(
                "transmit", tx.payload, self.scheme.transmit, tx.value, feedback, slot
            )
        return burst, _State(after, tx.payload)

    def read_header(self, rx: _State, header: Tensor | None) -> Any:
        """Returns the scheme's own state."""
        with unchanged(self.part, "read_header", rx=rx.value, header=header):
            after = self._called(
                "read_header", rx.payload, self.scheme.read_header, rx.value, header
            )
        return _State(after, rx.payload)

    def receive(self, rx: _State, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        """Returns the scheme's own feedback and state."""
        with unchanged(self.part, "receive", rx=rx.value, received=received):
            feedback, after = self._called(
                "receive", rx.payload, self.scheme.receive, rx.value, received, slot
            )
        return feedback, _State(after, rx.payload)

    def perform(self, rx: _State) -> TaskOutputs:
        """Returns the scheme's own outputs."""
        with unchanged(self.part, "perform", rx=rx.value):
            outputs = self._called("perform", rx.payload, self.scheme.perform, rx.value)
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
