"""semharq-plus: each use transmits the innovation of the feature that gains most from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.power import normalize_power
from phy.snr import snr_from_db
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.link.stopping import REASONS, Decode, StoppingCriterion
from semantic.plus.belief import Belief, apply_feedback, innovation
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import BurstPlan, burst_sizes, sending_plan
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.scheme_arguments import SemharqPlusArguments
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.slots import Slot


@dataclass(frozen=True)
class TxState:
    """State of the transmitter.

    Attributes:
        c: [batch, LATENT] latent features.
        fed_back: [batch, LATENT] estimates that the receiver has fed back.
        bursts: Bursts sent.
    """

    c: Tensor
    fed_back: Tensor
    bursts: int = 0


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        belief: Belief about c; its fed-back estimates include the latest ones.
        fed_back_before: [batch, LATENT] fed-back estimates without the latest ones, which the
            transmitter uses if these were lost.
        received_snr: [batch] SNR_r of eq. 17 so far.
        bursts: Bursts received.
        outputs: Task outputs of the images whose receive-SNR is above theta_0; None if they have not
            been computed.
    """

    belief: Belief
    fed_back_before: Tensor
    received_snr: Tensor
    bursts: int = 0
    outputs: TaskOutputs | None = None


@final
class SemharqPlus(Scheme):
    """Latent features sent by a plan, with the receiver's estimates fed back.

    ```
    x -> encoder -> s -> JSC-Encoder -> c -> c - fed_back -> plan -> power -> z -> x
                                                 ^
                                                 +------------------------------+
    y -> matched filter -> belief -> JSC-Decoder -> s_hat -> tasks -> U         |
                              +-> estimate -> quantizer -> NACK -- SNR_r > theta? -- ACK
    ```

    A slot has B uses in two bursts; each use carries a feature on its in-phase part, as in SemHARQ.
    The plan chooses the feature of each use (semantic/plus/schedule.py). After every burst with a
    NACK the receiver feeds back its quantized estimates of the burst's features, and the transmitter
    sends the innovation: the feature minus the fed-back estimate. An image is acknowledged after
    whole slots only.

    Args:
        encoder: Images to s.
        network: The networks behind the encoder.
        arguments: theta_0, feedback, bursts of a slot, equalizer; None for the defaults.
    """

    reasons = REASONS[:2]

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        network: PlusNetwork,
        arguments: SemharqPlusArguments | None = None,
    ) -> None:
        arguments = arguments or SemharqPlusArguments()
        self.encoder, self.network = encoder, network
        self.stopping = StoppingCriterion(snr_from_db(arguments.theta_0_db))
        self.bits, self.equalizer = arguments.estimate_bits, arguments.equalizer
        self.bursts_per_slot = arguments.bursts_per_slot if arguments.estimate_bits else 1

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the bursts of G_max slots."""
        return max_transmissions * len(self._sizes(slot))

    def plan(self, slot: Slot, burst: int) -> BurstPlan:
        """Returns the plan of a burst, which both ends know."""
        sizes = self._sizes(slot)
        so_far = tuple(sizes[i % len(sizes)] for i in range(burst + 1))
        return sending_plan(snr_from_db(slot.reported_snr_db), so_far, self.bits)

    def _sizes(self, slot: Slot) -> tuple[int, ...]:
        return burst_sizes(slot.features, self.bursts_per_slot)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Maps s, computed once for all schemes, to c."""
        return Payload({"c": in_tiles(self.network.encode, encoded.features.s[index])})

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns embeddings of the network's performers, which may be the encoder's own."""
        return encoded.embedding(self.network.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Both ends begin with nothing sent and nothing fed back."""
        c = payload.tensors["c"]
        belief = Belief.empty(len(c), c.device)
        return TxState(c, belief.fed_back), RxState(belief, belief.fed_back, c.new_zeros(len(c)))

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Sends the innovation of the burst's features, power-controlled."""
        fed_back, header = tx.fed_back, None
        if feedback is not None and feedback.request is not None:
            answered = self.plan(slot, tx.bursts - 1)
            fed_back = apply_feedback(fed_back, answered, feedback.request, self.bits)
            if feedback.request_received is not None:
                header = feedback.request_received[:, None]
                fed_back = torch.where(header.to(fed_back.device), fed_back, tx.fed_back)
        plan = self.plan(slot, tx.bursts)
        part = innovation(tx.c, fed_back, plan)
        z, uses = normalize_power(part, part.shape[1]), torch.full((len(part),), part.shape[1])
        return Burst(map_iq(z, 1), uses, header), TxState(tx.c, fed_back, tx.bursts + 1)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Reads whether the latest estimates arrived at the transmitter."""
        if header is None:
            return rx
        fed_back = torch.where(
            header.to(rx.fed_back_before.device), rx.belief.fed_back, rx.fed_back_before
        )
        return replace(rx, belief=rx.belief.with_feedback(fed_back))

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Updates the belief and decodes; feeds estimates back until the stopping criterion is met."""
        plan = self.plan(slot, rx.bursts)
        matched, weight = demap_iq(received, len(plan.position), 1, self.equalizer)
        belief = rx.belief.add(plan, matched, weight)
        # In sequence: the rounding of a sum must not depend on the size of the batch.
        snr = rx.received_snr + weight.cumsum(1)[:, -1] / slot.features
        ack, outputs = torch.zeros_like(snr, dtype=torch.bool), None
        if (rx.bursts + 1) % len(self._sizes(slot)) == 0:
            ack, _, outputs = self.stopping.decide(snr, self._decode(belief))
        words, fed_back = None, belief.fed_back
        if self.bits:
            words = belief.words(plan, self.bits)
            fed_back = apply_feedback(fed_back, plan, words, self.bits)
        size = 0 if words is None else words.shape[1]
        charged = torch.full((len(snr),), size)
        feedback = Feedback(ack, words, charged, ack.to(torch.int8))
        after = RxState(
            belief.with_feedback(fed_back), belief.fed_back, snr, rx.bursts + 1, outputs
        )
        return feedback, after

    def perform(self, rx: RxState) -> TaskOutputs:
        """Returns the outputs after the last slot."""
        return self.stopping.final_outputs(self._decode(rx.belief), rx.received_snr, rx.outputs)

    def _decode(self, belief: Belief) -> Decode:
        """Decodes in tiles, so that an answer does not depend on the other images of the batch."""

        def decode(rows: Tensor) -> TaskOutputs:
            some = belief.take(rows)
            parts = in_tiles(
                lambda *columns: self.network.decode(Belief(*columns))[1],
                some.matched,
                some.precision,
                some.fed_back,
            )
            return TaskOutputs(*parts)

        return decode
