"""semharq-plus: every use transmits an innovation, a feature minus its fed-back estimate."""

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
from semantic.link.stopping import REASONS, Decode, Decoded, StoppingCriterion
from semantic.plus.belief import Belief, apply_feedback, innovation
from semantic.plus.network import PlusNetwork
from semantic.plus.schedule import BurstPlan, burst_plan, burst_sizes
from semantic.plus.variants import Order
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.scheme_arguments import TRAINED, SemharqPlusArguments
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE

#: Equalizer of its training: the belief is exact for known gains.
TRAINED_EQUALIZER = "mrc"


@dataclass(frozen=True)
class TxState:
    """The transmitter's state.

    Attributes:
        c: Latent features, [batch, LATENT_FEATURES].
        fed_back_estimate: Estimate of c that the latest received feedback gives, same shape.
        bursts: Number of bursts sent.
    """

    c: Tensor
    fed_back_estimate: Tensor
    bursts: int = 0


@dataclass(frozen=True)
class RxState:
    """The receiver's state.

    Attributes:
        belief: Belief about c. Its fed-back estimate assumes that the latest feedback arrives.
        previous_fed_back_estimate: Estimate that the transmitter holds if the latest feedback is
            lost, [batch, LATENT_FEATURES].
        received_snr: SNR_r of eq. 17 so far, [batch].
        bursts: Number of bursts received.
        outputs: Outputs of the tasks, computed where the receive SNR is above theta_0; None where
            they have not been computed.
    """

    belief: Belief
    previous_fed_back_estimate: Tensor
    received_snr: Tensor
    bursts: int = 0
    outputs: Decoded | None = None


@final
class SemharqPlus(Scheme):
    """Sends the innovations of latent features by plan; the receiver feeds its estimates back.

    ```
    x -> encoder -> s -> JSC-Encoder -> c -> innovation -> plan -> power -> z -> x
                                                 ^
                                                 +------------------------------+
    y -> matched filter -> belief -> JSC-Decoder -> s_hat -> tasks -> U         |
                              +-> estimate -> quantizer -> NACK -- SNR_r > theta? -- ACK
    ```

    A slot has B uses in two bursts. Each use carries a feature on its in-phase part, as SemHARQ's,
    or two features, one on I and one on Q. `semantic/plus/schedule.py` decides use by use which
    features these are. After every burst that ends in a NACK, the receiver feeds back its quantized
    estimates of the burst's features. The transmitter then sends innovations: the features minus the
    fed-back estimates. An image is acknowledged after whole slots only. With `one_burst`, all G_max B
    uses of an image form one burst, and there is no feedback.

    Args:
        encoder: Images to s.
        network: Everything behind it.
        arguments: theta_0, feedback, bursts of a slot, equalizer and so on; None for the defaults.
        max_transmissions: G_max of the run, which determines the length of the one burst.
    """

    reasons: tuple[str, ...] = REASONS[:2]
    batch_size = LARGE_BATCH_SIZE

    def __init__(
        self,
        encoder: MultiTaskNetwork,
        network: PlusNetwork,
        arguments: SemharqPlusArguments | None = None,
        max_transmissions: int = 1,
    ) -> None:
        arguments = arguments or SemharqPlusArguments()
        self.encoder, self.network = encoder, network
        self.stopping = StoppingCriterion(snr_from_db(arguments.theta_0_db))
        own = arguments.equalizer == TRAINED
        self.equalizer = TRAINED_EQUALIZER if own else arguments.equalizer
        self.open_loop = arguments.one_burst
        self.bits = 0 if self.open_loop else arguments.estimate_bits
        self.bursts_per_slot = arguments.bursts_per_slot if self.bits else 1
        self.max_transmissions = max_transmissions
        self.features_per_use = arguments.features_per_use
        self.order: Order = arguments.order  # type: ignore[assignment]  # checked by its declaration
        if self.open_loop:
            self.reasons = (REASONS[2],)

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the number of bursts in G_max slots."""
        return 1 if self.open_loop else max_transmissions * len(self._sizes(slot))

    def plan(self, slot: Slot, burst: int) -> BurstPlan:
        """Returns the plan of a burst; both ends compute it."""
        sizes = self._sizes(slot)
        so_far = tuple(sizes[i % len(sizes)] for i in range(burst + 1))
        snr = snr_from_db(slot.reported_snr_db)
        return burst_plan(snr, so_far, self.bits, self.order, self.features_per_use)

    def _sizes(self, slot: Slot) -> tuple[int, ...]:
        if self.open_loop:
            return (self.max_transmissions * slot.features,)
        return burst_sizes(slot.features, self.bursts_per_slot)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Encodes s, which was computed once for all schemes, into c."""
        return Payload({"c": in_tiles(self.network.encode, encoded.features.s[index])}, {})

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns the embedding of the network's own performers, shared or not."""
        return encoded.embedding(self.network.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Returns the initial states: nothing sent, nothing fed back."""
        c = payload.tensors["c"]
        belief = Belief.empty(len(c), c.device)
        estimate = belief.fed_back_estimate
        return TxState(c, estimate), RxState(belief, estimate, c.new_zeros(len(c)))

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Returns the burst: the innovations of its features, power-controlled."""
        estimate, header = tx.fed_back_estimate, None
        if feedback is not None and feedback.request is not None:
            answered = self.plan(slot, tx.bursts - 1)
            estimate = apply_feedback(estimate, answered, feedback.request, self.bits)
            if feedback.request_received is not None:
                header = feedback.request_received[:, None]
                estimate = torch.where(header.to(estimate.device), estimate, tx.fed_back_estimate)
        plan = self.plan(slot, tx.bursts)
        part = innovation(tx.c, estimate, plan)
        count = part.shape[1] // self.features_per_use
        z, uses = normalize_power(part, count), torch.full((len(part),), count)
        burst = Burst(map_iq(z, self.features_per_use), uses, header)
        return burst, TxState(tx.c, estimate, tx.bursts + 1)

    def sent_features(self, tx: TxState, slot: Slot) -> Tensor | None:
        """Returns the positions in c; a plan may use one several times in a burst."""
        return self.plan(slot, tx.bursts - 1).position.expand(len(tx.c), -1)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Reads from the header whether the transmitter received the latest feedback."""
        if header is None:
            return rx
        before = rx.previous_fed_back_estimate
        estimate = torch.where(header.to(before.device), rx.belief.fed_back_estimate, before)
        return replace(rx, belief=rx.belief.with_fed_back_estimate(estimate))

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Adds a burst to the belief, applies the stopping criterion and feeds estimates back."""
        plan = self.plan(slot, rx.bursts)
        places, per_use = len(plan.position), self.features_per_use
        matched, weight = demap_iq(received, places, per_use, self.equalizer)
        belief = rx.belief.add(plan, matched, weight)
        # In sequence: the rounding of a sum must not depend on the size of the batch.
        snr = rx.received_snr + weight.cumsum(1)[:, -1] / slot.features
        if self.open_loop:
            return self._only_answer(rx, belief, snr)
        ack, outputs = torch.zeros_like(snr, dtype=torch.bool), None
        if (rx.bursts + 1) % len(self._sizes(slot)) == 0:
            ack, _, outputs = self.stopping.decide(snr, self._decode(belief))
        feedback_bits, estimate = None, belief.fed_back_estimate
        if self.bits:
            feedback_bits = belief.feedback_bits(plan, self.bits)
            estimate = apply_feedback(estimate, plan, feedback_bits, self.bits)
        size = 0 if feedback_bits is None else feedback_bits.shape[1]
        charged = torch.full((len(snr),), size)
        feedback = Feedback(ack, feedback_bits, charged, ack.to(torch.int8))
        after = RxState(
            belief=belief.with_fed_back_estimate(estimate),
            previous_fed_back_estimate=belief.fed_back_estimate,
            received_snr=snr,
            bursts=rx.bursts + 1,
            outputs=outputs,
        )
        return feedback, after

    def _only_answer(self, rx: RxState, belief: Belief, snr: Tensor) -> tuple[Feedback, RxState]:
        """Returns the answer to the one burst: the image is over."""
        done = torch.ones_like(snr, dtype=torch.bool)
        after = replace(rx, belief=belief, received_snr=snr, bursts=rx.bursts + 1)
        return no_request(done)._replace(reason=torch.zeros_like(done, dtype=torch.int8)), after

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
                some.fed_back_estimate,
            )
            return TaskOutputs(*parts)

        return decode
