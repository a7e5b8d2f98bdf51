"""digital-vq: what the tasks need of an image, vector-quantized and sent by short codes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.modulation import Modulation
from phy.snr import snr_from_db
from semantic.link.stopping import REASONS, Decode, Decoded, StoppingCriterion
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from semantic.vq.network import VqNetwork
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.schemes.vq_blocks import BlockDecoder
from simulator.schemes.vq_layout import Layout
from simulator.schemes.vq_planner import Planner
from simulator.slots import Slot
from simulator.spec_fields import LARGE_BATCH_SIZE

#: Probability from which on the bits of a block count as accepted in the ledger.
ACCEPTED = 0.99


@dataclass(frozen=True)
class TxState:
    """State of the transmitter.

    Attributes:
        bits: [batch, bits] uint8, the indices of all stages.
        sent_bits: Number of the first of them that have been sent.
        transmission: Number of the next transmission.
    """

    bits: Tensor
    sent_bits: int = 0
    transmission: int = 0


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        llr: [batch, coded bits] LLRs of all transmissions so far, in the order of the bursts.
        part: [batch, blocks, dimensions] expected sum of the codewords of each block.
        bits: [batch, bits] uint8, most probable indices.
        confidence: [batch, blocks] probability that these are right; 1 before the first bit.
        accepted_bits: [batch] int64, bits of the first blocks, all of them confident.
        received_snr: [batch] SNR_r of eq. 17 so far.
        transmission: Number of the next transmission.
        outputs: Outputs of the tasks, computed where the receive SNR is above theta_0; None where
            they have not been computed.
    """

    llr: Tensor
    part: Tensor
    bits: Tensor
    confidence: Tensor
    accepted_bits: Tensor
    received_snr: Tensor
    transmission: int = 0
    outputs: Decoded | None = None


@final
class DigitalVq(Scheme):
    """Separate source and channel coding for few channel uses.

    ```
    s -> task vector -> residual vector quantizer -> bits -> short codes -> QAM -> x
    y -> LLRs -> ML or list decoder -> P(bits) -> mean task vector -> s_hat -> tasks -> U
                                                          SNR_r > theta? -> ACK | NACK, next part
    ```

    A slot has B uses. It carries the most important bits that were not sent before, or further
    redundancy (`simulator/schemes/vq_layout.py`). The stopping criterion is SemHARQ's. An answer is
    one bit.

    Args:
        network: Quantizer and task performers.
        planner: Chooses code, modulation and rate of a slot, from what both ends know.
    """

    reasons = REASONS[:2]
    batch_size = LARGE_BATCH_SIZE

    def __init__(self, network: VqNetwork, planner: Planner) -> None:
        self.network, self.planner = network, planner
        self.stopping = StoppingCriterion(snr_from_db(planner.arguments.theta_0_db))
        self.confidence = planner.arguments.confidence
        self.decoder = BlockDecoder(network, planner.arguments.list_size)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Maps s, computed once for all schemes, to indices."""
        return self.payload(encoded.features.s[index])

    def payload(self, s: Tensor) -> Payload:
        """Maps s [batch, N] to the bits of the indices [batch, bits]; the same at every SNR."""
        quantizer = self.network.quantizer
        found = in_tiles(lambda tile: quantizer.quantize(self.network.task_vector(tile)), s)
        return Payload({"bits": to_bits(found, self.network.stage_bits)})

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns embeddings of the encoder's performers."""
        return encoded.embedding(self.network.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Returns the initial states: nothing sent, the mean task vector at the receiver."""
        bits, layout = payload.tensors["bits"].cpu(), self.planner.layout(slot)
        batch, blocks = len(bits), len(layout.blocks)
        rx = RxState(
            llr=torch.zeros(batch, 0),
            part=torch.zeros(batch, blocks, self.network.dimensions),
            bits=torch.zeros_like(bits),
            confidence=torch.ones(batch, blocks),
            accepted_bits=torch.zeros(batch, dtype=torch.int64),
            received_snr=torch.zeros(batch),
        )
        return TxState(bits), rx

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Sends the next part of the code words."""
        layout = self.planner.layout(slot)
        coded = [
            self.decoder.encode(layout, segment, tx.bits)
            for segment in layout.segments(tx.transmission)
        ]
        x = Modulation(layout.modulation).map(torch.cat(coded, 1))
        x = x.to(self.network.codewords.device)
        burst = Burst(x, torch.full((len(x),), x.shape[1]))
        sent = layout.started_bits(tx.transmission + 1)
        return burst, replace(tx, sent_bits=sent, transmission=tx.transmission + 1)

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Demaps, decodes the blocks of the burst, and applies the stopping criterion."""
        layout, count = self.planner.layout(slot), rx.transmission + 1
        llr = torch.cat([rx.llr, Modulation(layout.modulation).demap(*received).cpu()], 1)
        rx = self._decode_blocks(replace(rx, llr=llr), layout)
        gain = received.h.real.square() + received.h.imag.square()
        weight = (2 * gain / received.no).cpu()
        # In sequence: the rounding of a sum must not depend on the size of the batch.
        snr = rx.received_snr + weight.cumsum(1)[:, -1] / layout.uses
        ack, _, outputs = self.stopping.decide(snr, self._perform(rx))
        ack = ack & (rx.confidence.amin(1) >= self.confidence)
        feedback = Feedback(ack, None, torch.zeros_like(rx.accepted_bits), ack.to(torch.int8))
        return feedback, replace(rx, received_snr=snr, transmission=count, outputs=outputs)

    def _decode_blocks(self, rx: RxState, layout: Layout) -> RxState:
        """Decodes the blocks of the latest burst again, with all their LLRs."""
        part, bits, confidence = rx.part.clone(), rx.bits.clone(), rx.confidence.clone()
        places = layout.places(rx.transmission + 1)
        for block in {s.block: None for s in layout.segments(rx.transmission)}:
            found = self.decoder.decode(layout, block, rx.llr[:, places[block]])
            part[:, block], confidence[:, block] = found.part, found.confidence
            first, end = layout.bit_range(block)
            bits[:, first:end] = found.bits
        sure = (confidence >= ACCEPTED).long()
        for block in range(len(layout.blocks)):
            if block not in places:
                sure[:, block] = 0
        lengths = torch.tensor([layout.bits(block) for block in range(len(layout.blocks))])
        accepted = (sure.cumprod(1) * lengths).sum(1)
        return replace(rx, part=part, bits=bits, confidence=confidence, accepted_bits=accepted)

    def perform(self, rx: RxState) -> TaskOutputs:
        """Returns the outputs after the last slot."""
        return self.stopping.final_outputs(self._perform(rx), rx.received_snr, rx.outputs)

    def _perform(self, rx: RxState) -> Decode:
        """Performs the tasks in tiles, so that an answer does not depend on the other images."""
        device = self.network.codewords.device

        def perform(rows: Tensor) -> TaskOutputs:
            part = rx.part[rows.cpu()].to(device)
            found = in_tiles(lambda tile: self.network.decode(tile.sum(1))[1], part)
            return TaskOutputs(*(value.cpu() for value in found))

        return perform

    def offered(self, tx: TxState) -> list[Tensor]:
        """Returns the bits of the blocks of which something was sent."""
        return list(tx.bits[:, : tx.sent_bits])

    def accepted(self, rx: RxState) -> list[Tensor]:
        """Returns the bits of the first blocks, up to the first whose decoder is not confident."""
        counts = rx.accepted_bits.tolist()
        return [bits[:count] for bits, count in zip(rx.bits, counts, strict=True)]


def to_bits(index: Tensor, stage_bits: tuple[int, ...]) -> Tensor:
    """Returns the binary digits of the indices, the first digit first: [batch, bits] uint8.

    >>> to_bits(torch.tensor([[5, 1]]), (3, 2))
    tensor([[1, 0, 1, 0, 1]], dtype=torch.uint8)
    """
    digits = [
        (index[:, stage, None] >> torch.arange(bits - 1, -1, -1, device=index.device)) & 1
        for stage, bits in enumerate(stage_bits)
    ]
    return torch.cat(digits, 1).to(torch.uint8)
