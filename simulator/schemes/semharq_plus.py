"""semharq-plus: every use carries what it tells the receiver most, less what the receiver knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.equaliser import COMBINERS
from phy.power import normalise_power
from phy.snr import snr_from_db
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.plus.belief import Belief, heard, unknown_part
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import BurstPlan, burst_sizes, sending_plan
from semantic.suggest import nearest
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.schemes.packing import pack, unpack
from simulator.schemes.stop_when_certain import Decode, certain_enough, final_outputs
from simulator.slots import Slot
from simulator.sources import Sources

#: Most bits of an estimate.
MOST_BITS = 8


@dataclass(frozen=True)
class TxState:
    """What the transmitter remembers.

    Attributes:
        c: [batch, LATENT].
        told: [batch, LATENT] the receiver's estimates as it has heard them.
        bursts: Bursts sent.
    """

    c: Tensor
    told: Tensor
    bursts: int = 0


@dataclass(frozen=True)
class RxState:
    """What the receiver remembers.

    Attributes:
        belief: About c; the estimates it has told as if the transmitter had heard the latest.
        told_before: [batch, LATENT] those that the transmitter knows if it has not.
        received_snr: [batch] SNR_r of eq. 17 so far.
        bursts: Bursts received.
        outputs: The tasks on what has been received, where the receive-SNR is above theta_0; None
            where nobody has asked them.
    """

    belief: Belief
    told_before: Tensor
    received_snr: Tensor
    bursts: int = 0
    outputs: TaskOutputs | None = None


@final
class SemharqPlus(Scheme):
    """Latent features sent by plan, with the receiver's estimates fed back.

    ```
    x -> encoder -> s -> JSC-Encoder -> c -> c - told -> plan -> power -> z -> x
                                                 ^
                                                 +------------------------------+
    y -> matched filter -> belief -> JSC-Decoder -> s_hat -> tasks -> U         |
                              +-> estimate -> quantiser -> NACK -- SNR_r > theta? -- ACK
    ```

    A slot has B uses, each with a feature on its in-phase part, as SemHARQ's, in two bursts. Which
    features is decided use by use (semantic/plus/schedule.py). After every burst that ends in a NACK
    the receiver sends its quantised estimates of the burst's features back, and the transmitter
    sends what they lack. An image is acknowledged after whole slots only.

    Args:
        encoder: Images to s.
        network: Everything behind it.
        theta_0_db: theta_0, how much receive-SNR a nat of uncertainty is worth, in dB.
        estimate_bits: Bits of each estimate; 0 for no feedback but ACK and NACK.
        bursts_per_slot: In how many parts a slot is sent; one without estimates.
        equaliser: Name in `phy.equaliser.COMBINERS`.
    """

    reasons: ClassVar[tuple[str, ...]] = ("transmissions used up", "certain enough")

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        network: PlusNetwork,
        theta_0_db: float = 1.0,
        estimate_bits: int = 1,
        bursts_per_slot: int = 2,
        equaliser: str = "mrc",
    ) -> None:
        if not (isinstance(estimate_bits, int) and 0 <= estimate_bits <= MOST_BITS):
            raise ValueError(f"estimate_bits is {estimate_bits!r}, it must be 0 to {MOST_BITS}")
        if not (isinstance(bursts_per_slot, int) and bursts_per_slot >= 1):
            raise ValueError(f"bursts_per_slot is {bursts_per_slot!r}, it must be at least 1")
        if equaliser not in COMBINERS:
            raise ValueError(f"unknown equaliser {equaliser!r}: {nearest(equaliser, COMBINERS)}")
        self.encoder, self.network = encoder, network
        self.theta_0 = snr_from_db(theta_0_db)
        self.bits, self.equaliser = estimate_bits, equaliser
        self.bursts_per_slot = bursts_per_slot if estimate_bits else 1

    def rounds(self, slot: Slot, max_transmissions: int) -> int:
        """The bursts of G_max slots."""
        return max_transmissions * len(self._sizes(slot))

    def plan(self, slot: Slot, burst: int) -> BurstPlan:
        """What a burst carries, as both ends know it."""
        sizes = self._sizes(slot)
        so_far = tuple(sizes[i % len(sizes)] for i in range(burst + 1))
        return sending_plan(snr_from_db(slot.reported_snr_db), so_far, self.bits)

    def _sizes(self, slot: Slot) -> tuple[int, ...]:
        return burst_sizes(slot.features, self.bursts_per_slot)

    def encode(self, sources: Sources, index: np.ndarray) -> Payload:
        """x -> s, from what was encoded once, -> c."""
        return Payload({"c": in_tiles(self.network.encode, sources.features.s[index])}, {})

    def clean_embedding(self, sources: Sources, index: np.ndarray) -> Tensor:
        """Of the network's performers, which are the encoder's where they are shared."""
        return sources.embedding(self.network.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Both ends begin with nothing sent and nothing told."""
        c = payload.tensors["c"]
        belief = Belief.empty(len(c), c.device)
        return TxState(c, belief.told), RxState(belief, belief.told, c.new_zeros(len(c)))

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """What the estimates that were heard lack, power-controlled."""
        told, header = tx.told, None
        if feedback is not None and feedback.request is not None:
            answered = self.plan(slot, tx.bursts - 1)
            told = heard(told, answered, feedback.request, self.bits)
            if feedback.request_heard is not None:
                header = feedback.request_heard[:, None]
                told = torch.where(header.to(told.device), told, tx.told)
        plan = self.plan(slot, tx.bursts)
        part = unknown_part(tx.c, told, plan)
        z, uses = normalise_power(part, part.shape[1]), torch.full((len(part),), part.shape[1])
        return Burst(pack(z, 1), uses, header), TxState(tx.c, told, tx.bursts + 1)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Whether the transmitter has heard the latest estimates."""
        if header is None:
            return rx
        told = torch.where(header.to(rx.told_before.device), rx.belief.told, rx.told_before)
        return replace(rx, belief=rx.belief.tell(told))

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Adds to the belief, decodes, and tells what it knows unless that is enough."""
        plan = self.plan(slot, rx.bursts)
        matched, weight = unpack(received, len(plan.position), 1, self.equaliser)
        belief = rx.belief.add(plan, matched, weight)
        # In sequence: a burst's sum must not depend on how many images are in the batch.
        snr = rx.received_snr + weight.cumsum(1)[:, -1] / slot.features
        ack, outputs = torch.zeros_like(snr, dtype=torch.bool), None
        if (rx.bursts + 1) % len(self._sizes(slot)) == 0:
            ack, outputs = certain_enough(self._decode(belief), snr, self.theta_0)
        words, told = None, belief.told
        if self.bits:
            words = belief.words(plan, self.bits)
            told = heard(told, plan, words, self.bits)
        size = 0 if words is None else words.shape[1]
        charged = torch.full((len(snr),), size)
        feedback = Feedback(ack, words, charged, ack.to(torch.int8))
        after = RxState(belief.tell(told), belief.told, snr, rx.bursts + 1, outputs)
        return feedback, after

    def perform(self, rx: RxState) -> TaskOutputs:
        """The outputs after the last slot."""
        return final_outputs(self._decode(rx.belief), rx.received_snr, self.theta_0, rx.outputs)

    def _decode(self, belief: Belief) -> Decode:
        """Decodes in tiles, so that an answer does not depend on who else is in the batch."""

        def decode(rows: Tensor) -> TaskOutputs:
            some = belief.take(rows)
            parts = in_tiles(
                lambda *columns: self.network.decode(Belief(*columns))[1],
                some.matched,
                some.precision,
                some.told,
            )
            return TaskOutputs(*parts)

        return decode
