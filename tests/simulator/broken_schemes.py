"""Schemes with one mistake each, and one without: what a checker is for."""

from typing import Any

import numpy as np
import torch

from phy.channel import Received
from phy.power import normalize_power
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.setup.networks import Networks
from simulator.slots import Slot


class Sound(Scheme):
    """s, eight uses of it; the tasks are what was heard."""

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        return Payload({"s": encoded.features.s[index][:, :16]})

    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        return payload.tensors["s"], None

    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        z = torch.complex(tx[:, 0::2], tx[:, 1::2])
        return Burst(normalize_power(z, 8), torch.full((len(z),), 8)), tx

    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        heard = torch.view_as_real(received.y.contiguous()).flatten(1)
        return no_request(heard[:, 0] > 0), heard

    def perform(self, rx: Any) -> TaskOutputs:
        return TaskOutputs(rx, rx, rx[:, :10], rx[:, :9])


class Loud(Sound):
    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        burst, tx = super().transmit(tx, feedback, slot)
        return burst._replace(x=2 * burst.x), tx


class Undeclared(Sound):
    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        burst, tx = super().transmit(tx, feedback, slot)
        return burst._replace(uses=burst.uses - 1), tx


class FloatUses(Sound):
    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        burst, tx = super().transmit(tx, feedback, slot)
        return burst._replace(uses=burst.uses.float()), tx


class NumberedAnswer(Sound):
    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        feedback, rx = super().receive(rx, received, slot)
        return feedback._replace(reason=feedback.reason + 7), rx


class OneAnswerForAll(Sound):
    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        feedback, rx = super().receive(rx, received, slot)
        return feedback._replace(ack=feedback.ack[:1]), rx


class Deaf(Sound):
    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        raise RuntimeError("no ears")


class NoAnswerToTasks(Sound):
    def perform(self, rx: Any) -> TaskOutputs:
        return super().perform(rx.log())


class FewColors(Sound):
    def perform(self, rx: Any) -> TaskOutputs:
        return super().perform(rx)._replace(color=rx[:, :3])


class Company(Sound):
    """Each image's answer depends on who else is in its batch."""

    def perform(self, rx: Any) -> TaskOutputs:
        return super().perform(rx - rx.mean(0))


class Dice(Sound):
    def perform(self, rx: Any) -> TaskOutputs:
        return super().perform(rx + torch.randn_like(rx))


class FirstSlot(Sound):
    """Keeps a value of the first slot, whatever the slots that follow."""

    first: float | None = None

    def perform(self, rx: Any) -> TaskOutputs:
        return super().perform(rx * (1 + (self.first or 0)))

    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        self.first = slot.snr_db if self.first is None else self.first
        return super().start(payload, slot)


class OtherMatrix(Sound):
    """Draws a constant anew for each object, so that each worker has another one."""

    def __init__(self) -> None:
        self.matrix = torch.randn(16, 16)

    def perform(self, rx: Any) -> TaskOutputs:
        return super().perform(rx @ self.matrix)


class ShortPayload(Sound):
    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        payload = super().encode(encoded, index)
        return Payload(payload.tensors, {"extra": [0] * (len(index) - 1)})


def sound(networks: Networks, louder: float = 1.0) -> Scheme:
    """A factory, as --scheme names it."""
    return Sound() if louder == 1.0 else Loud()


def nothing(networks: Networks) -> object:
    """A factory of something else."""
    return 7
