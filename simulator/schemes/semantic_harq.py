"""The learned HARQ protocols: f sent feature by feature, by importance, in slots of B features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received, multiply
from phy.power import normalise_power
from phy.snr import snr_from_db
from semantic.buffer import Buffer, SlotFeatures
from semantic.model import LinkNetwork, MultiTaskNetwork
from semantic.selector import Plan, Selection
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.slots import Slot
from simulator.sources import Sources


@dataclass(frozen=True)
class TxState:
    """What the transmitter remembers: f [batch, L] and which of it has been sent."""

    f: Tensor
    plan: Plan


@dataclass(frozen=True)
class RxState:
    """What the receiver remembers.

    Attributes:
        buffer: Received features, combined or side by side.
        plan: Which features have been sent; follows from the slots and its own requests.
        received_snr: [batch] SNR_r of eq. 17 so far.
        request: [batch, B] bool, what it asked for after the latest slot; None for nothing.
        outputs: The tasks on what has been received; None before the first slot.
    """

    buffer: Buffer
    plan: Plan
    received_snr: Tensor
    request: Tensor | None = None
    outputs: TaskOutputs | None = None


@final
class SemanticHarq(Scheme):
    """SemHARQ (SemHARQ section IV).

    ```
    x -> encoder -> s -> JSC-Encoder -> f -> selector -> z~ -> power -> z -> x
    y -> matched filter -> buffer -> JSC-Decoder -> s_hat -> tasks -> U
                              |                                      |
                              +-> FDE -> p  <-- NACK -- SNR_r > theta? -- ACK
    ```

    Args:
        encoder: Images to s.
        link: Everything behind it.
        theta_0_db: theta_0, how much receive-SNR a nat of uncertainty is worth, in dB.
        features_per_use: 1, a feature on the in-phase part of each use; 2, I and Q carry one each.
    """

    reasons: ClassVar[tuple[str, ...]] = ("transmissions used up", "certain enough")

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        link: LinkNetwork,
        theta_0_db: float = 1.0,
        features_per_use: int = 1,
    ) -> None:
        if features_per_use not in (1, 2):
            raise ValueError(f"features_per_use is {features_per_use}, it must be 1 or 2")
        self.encoder, self.link = encoder, link
        self.theta_0 = snr_from_db(theta_0_db)
        self.features_per_use = features_per_use

    def encode(self, sources: Sources, index: np.ndarray) -> Payload:
        """x -> s, from what was encoded once, -> f."""
        return self.payload(sources.features.s[index])

    def payload(self, s: Tensor) -> Payload:
        """s [batch, N] -> f [batch, L], the same at every SNR."""
        return Payload({"f": in_tiles(self.link.encode, s)}, {})

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Both ends begin with nothing sent."""
        f = payload.tensors["f"]
        plan = Plan.empty(len(f), f.device)
        snr = torch.zeros(len(f), device=f.device)
        return TxState(f, plan), RxState(self.link.empty_buffer(len(f)), plan, snr)

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """The features asked for again and the next most important ones, power-controlled."""
        request = None if feedback is None else feedback.request
        plan = tx.plan.next(self.link.order, request, slot.features)
        assert plan.selection is not None
        uses = -(-plan.selection.uses // self.features_per_use)
        z = normalise_power(plan.selection.gather(tx.f), uses)
        return Burst(pack(z, self.features_per_use), uses), TxState(tx.f, plan)

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Combines, decodes, and asks again until the receive-SNR outweighs the uncertainty."""
        plan = rx.plan.next(self.link.order, rx.request, slot.features)
        assert plan.selection is not None
        sent = plan.selection.sent
        matched, weight = unpack(received, sent.shape[1], self.features_per_use)
        buffer = rx.buffer.add(SlotFeatures(plan.selection, matched, weight))
        outputs = self._tasks(buffer)
        snr = rx.received_snr + (weight * sent).sum(1) / sent.sum(1).clamp_min(1)
        ack = snr > receive_snr_target(outputs, self.theta_0)
        request = self._request(buffer, plan.selection, slot)
        bits = torch.zeros_like(plan.selection.uses) if request is None else plan.selection.uses
        feedback = Feedback(ack, request, bits, ack.to(torch.int8))
        return feedback, RxState(buffer, plan, snr, request, outputs)

    def _tasks(self, buffer: Buffer) -> TaskOutputs:
        """Decodes in tiles, so that an answer does not depend on who else is in the batch."""
        rows = torch.arange(len(buffer.received()), device=self.link.order.device)
        return TaskOutputs(*in_tiles(lambda tile: self.link.decode(buffer.take(tile))[1], rows))

    def _request(self, buffer: Buffer, latest: Selection, slot: Slot) -> Tensor | None:
        """p [batch, B] over the latest slot's features: those found distorted (eq. 8)."""
        if self.link.fde is None:
            return None
        d = in_tiles(self.link.fde.distortion, self.link.fde_input(buffer)).gather(
            1, latest.position
        )
        return (d >= self.link.threshold_at(slot.snr_db)) & latest.sent

    def perform(self, rx: RxState) -> TaskOutputs:
        """The outputs after the last slot."""
        assert rx.outputs is not None
        return rx.outputs


def receive_snr_target(outputs: TaskOutputs, theta_0: float) -> Tensor:
    """min(theta_0 (1 + U), theta_0 (1 + log M)) [batch], SemHARQ eq. 16 and section V-B.

    M is the total number of classes of all tasks, entropies are in nats.
    """
    classes = sum(p.shape[1] for p in outputs.probabilities)
    return theta_0 * (1 + outputs.uncertainty().clamp(max=math.log(classes)))


def pack(z: Tensor, features_per_use: int) -> Tensor:
    """Real features [batch, B] -> complex uses [batch, ceil(B / features_per_use)]."""
    if features_per_use == 1:
        return torch.complex(z, torch.zeros_like(z))
    if z.shape[1] % 2:
        z = torch.cat([z, z.new_zeros(len(z), 1)], 1)
    return torch.complex(z[:, 0::2], z[:, 1::2])


def unpack(received: Received, B: int, features_per_use: int) -> tuple[Tensor, Tensor]:
    """Matched filter: (Re or Im of g* y 2 / no, |g|^2 2 / no), each [batch, B].

    The receiver knows h, derotates, and each real part carries noise of variance no / 2. The gain
    is g = h / sqrt(features_per_use): features that share a use share its power, so that the
    estimate matched / weight is of features of unit average power either way.
    """
    y, h, no = received
    h = h / math.sqrt(features_per_use)
    matched = multiply(h.conj(), y)
    in_phase = matched.real * (2 / no)
    weight = multiply(h.conj(), h).real * (2 / no)
    if features_per_use == 1:
        return in_phase, weight
    both = torch.stack([in_phase, matched.imag * (2 / no)], 2).flatten(1)
    return both[:, :B], weight.repeat_interleave(2, 1)[:, :B]
