"""The conventional chain: image file, LDPC, QAM, HARQ, then the tasks on the received image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.channel import Received
from phy.coding.code_block_groups import sent_bits, wrong_groups
from phy.coding.soft_buffer import SoftBuffer
from phy.coding.transport import TransportCodec, receive_many
from semantic.suggest import nearest
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.codecs.image_codecs import FAILURE_POLICIES, ImageCodec
from simulator.codecs.sent_images import SentImages
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme, Shared, no_request
from simulator.schemes.coded_bursts import demap_bursts, map_bursts
from simulator.schemes.coding import Coding as Coding  # part of this module's interface
from simulator.schemes.coding import CodingRule
from simulator.slots import Slot


@dataclass(frozen=True)
class TxState:
    """State of the transmitter; lists have one entry per image.

    Attributes:
        bits: Bits of the files.
        codecs: Transport codecs of the files.
        words: LDPC code words; each transmission sends a part of them.
        transmission: Number of the next transmission.
    """

    bits: list[Tensor]
    codecs: list[TransportCodec]
    words: list[Tensor]
    transmission: int = 0


@dataclass(frozen=True)
class RxState:
    """State of the receiver; lists have one entry per image.

    Attributes:
        source: The images' files, and s of each file that arrives without errors.
        codecs: Transport codecs of the files.
        buffers: Soft buffers.
        bits: Decided bits.
        good_bits: [batch] payload bits before the first wrong code block.
        ok: [batch] bool, whether the CRC holds.
        sent: [batch, groups] bool, code-block groups of the coming burst.
        transmission: Number of the next transmission.
    """

    source: Shared[SentImages]
    codecs: list[TransportCodec]
    buffers: list[SoftBuffer]
    bits: list[Tensor]
    good_bits: Tensor
    ok: Tensor
    sent: Tensor
    transmission: int = 0

    def file(self, image: int) -> bytes:
        """Returns the received file of an image."""
        return np.packbits(self.bits[image].numpy()).tobytes()


@final
class Conventional(Scheme):
    """Image file + LDPC + QAM + HARQ (the conventional methods of both papers, and an adaptive one).

    ```
    pixels -> JPEG -> CRC, segments, LDPC, rv j -> QAM -> x
    y -> soft demapping -> LLRs into the soft buffer -> LDPC -> CRC -> ACK | NACK, rv j + 1
    file -> pixels -> DenseNet-121, clean-trained -> tasks
    ```

    Args:
        rule: Chooses modulation, rate and HARQ for a file size and a slot.
        image_codec: Source codec and quality.
        harq: False for one transmission: every answer is an ACK.
        on_failure: Name of a failure policy.
        groups: Most code-block groups of a file. With more than one, a NACK names the wrong groups,
            one bit each, and only these are retransmitted; the header of each burst says which
            groups it carries (TS 38.212 clause 7.3.1.2.2, CBGTI).

    Raises:
        ValueError: If the policy is unknown, or the number of groups is not allowed.
    """

    reasons = ("transmissions used up", "CRC holds", "one shot")
    needs_features = False

    def __init__(
        self,
        rule: CodingRule,
        image_codec: ImageCodec,
        harq: bool = True,
        on_failure: str = "best-effort",
        groups: int = 1,
    ) -> None:
        if on_failure not in FAILURE_POLICIES:
            raise ValueError(
                f"unknown failure policy {on_failure!r}; {nearest(on_failure, FAILURE_POLICIES)}"
            )
        if groups < 1:
            raise ValueError(f"groups {groups} is not allowed, it must be at least 1")
        self.rule, self.image_codec, self.harq = rule, image_codec, harq
        self.open_loop, self.side_information_bits = not harq, rule.side_information_bits
        self.policy, self.groups = FAILURE_POLICIES[on_failure], groups

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Names the images and the source of their files; the slot limits the size of a file."""
        source = encoded.once(
            ("files", self.image_codec), lambda: SentImages(self.image_codec, encoded)
        )
        return Payload({"image": torch.from_numpy(index)}, {"source": Shared(source)})

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Pixels -> files -> transport blocks, empty soft buffers."""
        source = payload.objects["source"]
        assert isinstance(source, Shared)
        images = payload.tensors["image"].tolist()
        files = source.value.files(images, self.rule.most_bytes(slot))
        codecs = [self.rule.for_file(len(d), slot).codec(8 * len(d)) for d in files]
        bits = [torch.from_numpy(np.unpackbits(np.frombuffer(d, np.uint8))) for d in files]
        buffers = [codec.start(1) for codec in codecs]
        empty = [torch.zeros_like(b) for b in bits]
        none = torch.zeros(len(files), dtype=torch.int64)
        every = torch.ones(len(files), self.groups, dtype=torch.bool)
        words = [_words(codec, d) for codec, d in zip(codecs, files, strict=True)]
        rx = RxState(source, codecs, buffers, empty, none, none > 0, every)
        return TxState(bits, codecs, words), rx

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """Sends the next redundancy version of every transport block, or of its requested groups."""
        wanted = torch.ones(len(tx.codecs), self.groups, dtype=torch.bool)
        if feedback is not None and feedback.request is not None:
            request = feedback.request.cpu()
            wanted = request | ~request.any(1, keepdim=True)  # after a lost request: all groups
        rows = []
        for codec, words, groups in zip(tx.codecs, tx.words, wanted, strict=True):
            sent = codec.select(words, tx.transmission)[0]
            rows.append(sent if groups.all() else sent[sent_bits(codec, groups)])
        x, uses = map_bursts(tx.codecs, rows)
        header = wanted if self.groups > 1 else None
        return Burst(x, uses, header), replace(tx, transmission=tx.transmission + 1)

    def read_header(self, rx: RxState, header: Tensor | None) -> RxState:
        """Reads which groups the burst carries."""
        return rx if header is None else replace(rx, sent=header.cpu())

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Demaps, combines, decodes; answers ACK where the CRC holds."""
        on_host = Received(*(value.cpu() for value in received))
        llrs = demap_bursts(rx.codecs, rx.sent, on_host)
        found = receive_many(rx.codecs, rx.buffers, llrs, [rx.transmission] * len(llrs))
        blocks_ok = [r.block_ok[0] for r in found]
        good = [_good_bits(c, block_ok) for c, block_ok in zip(rx.codecs, blocks_ok, strict=True)]
        ok = torch.tensor([bool(r.crc_ok) for r in found])
        state = replace(
            rx,
            buffers=[r.buffer for r in found],
            bits=[r.bits[0] for r in found],
            good_bits=torch.tensor(good),
            ok=ok,
            transmission=rx.transmission + 1,
        )
        return self._answer(ok, blocks_ok), state

    def _answer(self, ok: Tensor, blocks_ok: list[Tensor]) -> Feedback:
        """Returns ACK or NACK; with several groups, one bit for each group of the transport block."""
        ack = ok if self.harq else torch.ones_like(ok)
        reason = torch.where(ok, 1, 0 if self.harq else 2).to(torch.int8)
        if self.groups == 1:
            return no_request(ack)._replace(reason=reason)
        wrong = torch.stack([wrong_groups(block_ok, self.groups) for block_ok in blocks_ok])
        bits = torch.tensor([min(self.groups, len(block_ok)) for block_ok in blocks_ok])
        return Feedback(ack, wrong, bits, reason)

    def perform(self, rx: RxState) -> TaskOutputs:
        """Decodes files -> pixels -> s -> tasks; s of a file without errors is known already."""
        source = rx.source.value
        s: dict[int, Tensor] = {}
        damaged: dict[int, np.ndarray] = {}
        for i, ok in enumerate(rx.ok.tolist()):
            known = source.s(rx.file(i)) if ok else None
            if known is not None:
                s[i] = known
            else:
                damaged[i] = self._pixels(rx, i)
        if damaged:
            s.update(zip(damaged, source.s_of_pixels(list(damaged.values())), strict=True))
        rows = torch.stack([s[i] for i in range(len(rx.bits))])
        return TaskOutputs(*in_tiles(source.encoded.encoder.network.performers, rows))

    def received_images(self, rx: RxState) -> list[np.ndarray]:
        """Decodes the files; of a file whose CRC never held, as the failure policy says."""
        return [self._pixels(rx, i) for i in range(len(rx.bits))]

    def _pixels(self, rx: RxState, image: int) -> np.ndarray:
        """Decodes one file, whose CRC may hold by chance."""
        data, size = rx.file(image), rx.source.value.size
        if rx.ok[image]:
            return self.image_codec.decode(data, size)
        return self.policy(self.image_codec, data, int(rx.good_bits[image]), size)

    def offered(self, tx: TxState) -> list[Tensor]:
        """Returns the bits of the files."""
        return tx.bits

    def accepted(self, rx: RxState) -> list[Tensor]:
        """Returns the bits of the files whose CRC holds."""
        return [bits if ok else bits[:0] for bits, ok in zip(rx.bits, rx.ok.tolist(), strict=True)]


def _words(codec: TransportCodec, file: bytes) -> Tensor:
    """Returns the LDPC code words of a file, uint8 [1, blocks, n_mother]."""
    packed = _packed_words(codec, file)
    return torch.from_numpy(np.unpackbits(packed, axis=-1, count=codec.code.n_mother))


@lru_cache(maxsize=4096)
def _packed_words(codec: TransportCodec, file: bytes) -> NDArray[np.uint8]:
    """Encodes a file once for all SNRs and seeds; eight bits to a byte, about 3 KB a block."""
    bits = torch.from_numpy(np.unpackbits(np.frombuffer(file, np.uint8)))
    return np.packbits(codec.codewords(bits[None]).numpy(), axis=-1)


def _good_bits(codec: TransportCodec, block_ok: Tensor) -> int:
    """Returns the payload bits before the first wrong code block."""
    bad = (~block_ok).nonzero()
    if not len(bad):
        return codec.payload_bits
    per_block = codec.segmentation.block_bits - codec.segmentation.block_crc_bits
    return min(codec.payload_bits, int(bad[0]) * per_block)
