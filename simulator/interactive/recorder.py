"""A scheme whose transmissions are recorded: what each carried, and what the receiver made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.slots import Slot


@dataclass(frozen=True)
class Transmission:
    """One transmission of the images that were still active.

    Attributes:
        number: 1 for the first transmission of an image.
        images: [rows] int64, places of the images in the batch.
        uses: [rows] int64, channel uses that the scheme declared.
        features: [rows, width] int64, positions of the features, -1 for none; None for a scheme
            that sends no features.
        ack: [rows] bool, the receiver's answer, before the feedback link.
        color: [rows, colors] float32, probabilities after the transmission.
        type: [rows, types] float32, probabilities after the transmission.
    """

    number: int
    images: Tensor
    uses: Tensor
    features: Tensor | None
    ack: Tensor
    color: Tensor
    type: Tensor


class TxState(NamedTuple):
    """The transmitter's state, and the places of its images in the batch."""

    value: Any
    images: Tensor


class RxState(NamedTuple):
    """The receiver's state, the places of its images, and the tasks' outputs so far."""

    value: Any
    images: Tensor
    outputs: TaskOutputs | None = None


@final
class Recorder(Scheme):
    """Passes every call on to a scheme, and records the transmissions of one batch.

    It performs the tasks after every transmission, which changes no number: `perform` depends on
    the receiver's state alone.

    Args:
        scheme: The scheme.
        batch: Number of images.

    Attributes:
        transmissions_made: The transmissions, in order.
    """

    def __init__(self, scheme: Scheme, batch: int) -> None:
        self.scheme, self.images = scheme, torch.arange(batch)
        self.reasons, self.open_loop = scheme.reasons, scheme.open_loop
        self.side_information_bits = scheme.side_information_bits
        self.transmissions_made: list[Transmission] = []
        self._latest: tuple[Tensor, Tensor | None] | None = None

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the scheme's own number."""
        return self.scheme.transmissions(slot, max_transmissions)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Returns the scheme's own payload."""
        return self.scheme.encode(encoded, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Returns the scheme's own states."""
        tx, rx = self.scheme.start(payload, slot)
        return TxState(tx, self.images), RxState(rx, self.images)

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Returns the scheme's own burst, and notes its uses and features."""
        burst, after = self.scheme.transmit(tx.value, feedback, slot)
        features = self.scheme.sent_features(after, slot)
        self._latest = burst.uses.cpu(), None if features is None else features.cpu()
        return burst, TxState(after, tx.images)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Returns the scheme's own state."""
        return rx._replace(value=self.scheme.read_header(rx.value, header))

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Returns the scheme's own answer, and records the transmission."""
        answer, after = self.scheme.receive(rx.value, received, slot)
        outputs = self.scheme.perform(after)
        assert self._latest is not None
        _, color, kind = (p.float().cpu() for p in outputs.probabilities)
        number = len(self.transmissions_made) + 1
        self.transmissions_made.append(
            Transmission(number, rx.images, *self._latest, answer.ack.cpu(), color, kind)
        )
        return answer, RxState(after, rx.images, outputs)

    def perform(self, rx: RxState) -> TaskOutputs:
        """Returns the outputs after the last transmission."""
        assert rx.outputs is not None
        return rx.outputs

    def offered(self, tx: TxState) -> list[Tensor] | None:
        """Returns the scheme's own bits."""
        return self.scheme.offered(tx.value)

    def received_images(self, rx: RxState) -> Tensor | Sequence[np.ndarray] | None:
        """Returns the scheme's own images."""
        return self.scheme.received_images(rx.value)

    def accepted(self, rx: RxState) -> list[Tensor] | None:
        """Returns the scheme's own bits."""
        return self.scheme.accepted(rx.value)


def admitted_uses(made: Sequence[Transmission], channel_uses: Tensor) -> list[Tensor]:
    """Returns the uses of each transmission that the budget admitted, [rows] int64 each.

    The budget cuts an image's last burst at most.

    Args:
        made: The transmissions, with the uses that the scheme declared.
        channel_uses: [images] int64, of all transmissions of an image together.

    >>> place, uses, none = torch.tensor([0]), torch.tensor([33]), torch.zeros(1, 0)
    >>> made = [Transmission(i, place, uses, None, none, none, none) for i in (1, 2)]
    >>> admitted_uses(made, torch.tensor([40]))
    [tensor([33]), tensor([7])]
    """
    left, found = channel_uses.clone(), []
    for one in made:
        uses = torch.minimum(one.uses, left[one.images])
        left[one.images] -= uses
        found.append(uses)
    return found


def carried_features(one: Transmission, uses: Tensor) -> Tensor | None:
    """Returns the features that an admitted burst carried: -1 beyond the share that was admitted.

    Args:
        one: The transmission.
        uses: [rows] int64, its admitted uses.
    """
    if one.features is None:
        return None
    count = (one.features >= 0).sum(1)
    kept = -(-uses * count // one.uses.clamp_min(1))
    return one.features.masked_fill(torch.arange(one.features.shape[1]) >= kept[:, None], -1)
