"""SemHARQ's features as bits: quantized, coded, and retransmitted until the CRC holds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.coding.soft_buffer import SoftBuffer
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from phy.power import normalize_power
from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.selector import Selection
from semantic.quantizer import Quantizer
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.schemes.coding import CodingRule
from simulator.slots import Slot


@dataclass(frozen=True)
class TxState:
    """State of the transmitter.

    Attributes:
        bits: [batch, payload bits] uint8, transport blocks.
        transmission: Number of the next transmission.
    """

    bits: Tensor
    transmission: int = 0


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        buffer: Sums of LLRs, and the code blocks that are right.
        bits: [batch, payload bits] uint8, latest decisions.
        ok: [batch] bool, whether the CRC of the transport block holds.
        z: [batch, features] dequantized features by importance.
        known: [batch, features] bool, features whose bits are right by a CRC.
        transmission: Number of the next transmission.
    """

    buffer: SoftBuffer
    bits: Tensor
    ok: Tensor
    z: Tensor
    known: Tensor
    transmission: int = 0


@final
class DigitalFeatures(Scheme):
    """SemHARQ's features with separate source and channel coding.

    ```
    s -> JSC-Encoder -> f -> n most important -> power -> quantizer -> CRC, LDPC, rv j -> QAM -> x
    y -> soft demapping -> LLRs into the soft buffer -> LDPC -> CRC -> ACK | NACK, rv j + 1
                                           bits -> features -> JSC-Decoder -> s_hat -> tasks
    ```

    One transport block carries as many features of an image as fit a slot. With budget "uses" it
    fills all channel uses of the image, so that few uses are not spent on a block for each slot:
    the block then takes several slots, and HARQ the uses that it leaves. Features are scaled to unit
    power, as a slot of the analog scheme is: the decoder was trained with this scale, so that none
    has to be sent. If the transport block fails in the end, the features of those code blocks remain
    whose own CRC holds.

    Args:
        link: SemHARQ's networks.
        quantizer: Maps features to bits.
        rule: Chooses modulation, rate and HARQ of a slot, from what both ends know.
        slots: Slots that a transport block may fill with budget "uses"; 1 for HARQ in the others.
    """

    reasons = ("transmissions used up", "CRC holds")

    def __init__(
        self, link: LinkNetwork, quantizer: Quantizer, rule: CodingRule, slots: int = 1
    ) -> None:
        self.link, self.quantizer, self.rule, self.slots = link, quantizer, rule, slots

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Maps s, computed once for all schemes, to f."""
        return self.payload(encoded.features.s[index])

    def payload(self, s: Tensor) -> Payload:
        """Maps s [batch, N] to f [batch, L] in the order of importance; the same at every SNR."""
        return Payload({"f": in_tiles(self.link.encode, s)[:, self.link.order]})

    def features(self, slot: Slot) -> int:
        """Returns the number of features in a transport block.

        It is 1 if none fits: the block then occupies more slots.
        """
        fit = 8 * self.rule.most_bytes(slot, self._slots(slot)) // self.quantizer.bits
        return min(max(fit, 1), CODED_FEATURES)

    def codec(self, slot: Slot) -> TransportCodec:
        """Returns the codec of the transport blocks."""
        bits = self.features(slot) * self.quantizer.bits
        return self.rule.for_file(-(-bits // 8), slot, self._slots(slot)).codec(bits)

    def _slots(self, slot: Slot) -> int:
        return self.slots if slot.budget == "uses" else 1

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns embeddings of the link's performers, which may be the encoder's own."""
        return encoded.embedding(self.link.performers, index)

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Makes transport blocks of f, and empty soft buffers."""
        f = payload.tensors["f"][:, : self.features(slot)]
        z = normalize_power(f, f.shape[1])
        bits = self.quantizer.quantize(z).cpu()
        nothing = torch.zeros_like(z)
        buffer, silent = self.codec(slot).start(len(z)), torch.zeros(len(z), dtype=torch.bool)
        return TxState(bits), RxState(buffer, torch.zeros_like(bits), silent, nothing, nothing > 0)

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Sends the next redundancy version of every transport block."""
        codec = self.codec(slot)
        x = Modulation(codec.modulation).map(codec.encode(tx.bits, tx.transmission))
        uses = torch.full((len(x),), codec.uses)
        return Burst(x.to(self.link.order.device), uses), replace(
            tx, transmission=tx.transmission + 1
        )

    def sent_features(self, tx: TxState, slot: Slot) -> Tensor | None:
        """Returns the positions in f: every transmission carries bits of the same ones."""
        return self.link.order[: self.features(slot)].expand(len(tx.bits), -1)

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Demaps, combines, decodes; answers ACK where the CRC holds."""
        codec = self.codec(slot)
        llr = Modulation(codec.modulation).demap(*received).cpu()
        found = codec.receive(rx.buffer, llr, rx.transmission)
        z = self.quantizer.dequantize(found.bits).to(rx.z.device)
        known = whole_features(codec, found.block_ok, self.quantizer.bits)
        state = RxState(
            found.buffer, found.bits, found.crc_ok, z, known.to(z.device), rx.transmission + 1
        )
        return no_request(found.crc_ok), state

    def perform(self, rx: RxState) -> TaskOutputs:
        """Decodes features -> buffer -> s_hat -> tasks.

        To the decoder, a quantizer is a channel of SNR 1 / D - 1: its value q is the MMSE estimate
        with the error D, as (matched filter's output) / (1 + weight) is after the analog channel.
        """
        batch, n = rx.z.shape
        weight = torch.full_like(rx.z, 1 / self.quantizer.distortion - 1)
        selection = Selection(self.link.order[:n].expand(batch, -1), rx.known)
        received = SlotFeatures(selection, rx.z * (1 + weight), weight)
        buffer = self.link.empty_buffer(batch).add(received)
        rows = torch.arange(batch, device=rx.z.device)
        return TaskOutputs(*in_tiles(lambda tile: self.link.decode(buffer.take(tile))[1], rows))

    def offered(self, tx: TxState) -> list[Tensor]:
        """Returns the bits of the transport blocks."""
        return list(tx.bits)

    def accepted(self, rx: RxState) -> list[Tensor]:
        """Returns the bits of the transport blocks whose CRC holds.

        Features of single code blocks help the tasks, but a transport block is delivered whole or
        not at all, so that goodput means the same in every coded scheme.
        """
        return [bits if ok else bits[:0] for bits, ok in zip(rx.bits, rx.ok.tolist(), strict=True)]


def whole_features(codec: TransportCodec, block_ok: Tensor, bits: int) -> Tensor:
    """Returns which features lie entirely in code blocks that are right.

    Args:
        codec: Codec of transport blocks that carry features and nothing else.
        block_ok: [batch, blocks] bool.
        bits: Bits of a feature.

    Returns:
        [batch, features] bool.
    """
    split = codec.segmentation
    right = block_ok.repeat_interleave(split.block_bits - split.block_crc_bits, dim=1)
    of_features: Tensor = right[:, : codec.payload_bits].unflatten(1, (-1, bits))
    return of_features.all(2)
