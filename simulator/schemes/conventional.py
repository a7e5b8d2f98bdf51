"""The conventional chain: a picture file over LDPC, QAM and HARQ, then the tasks on what arrives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.modulation import Modulation
from phy.soft_buffer import SoftBuffer
from phy.transport import TransportCodec, receive_many
from semantic.data.names import nearest
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.image_codecs import FAILURE_POLICIES, ImageCodec
from simulator.scheme import Burst, Feedback, Payload, Scheme, no_request
from simulator.slots import Slot
from simulator.sources import Sources


@dataclass(frozen=True)
class Coding:
    """How files are sent.

    Attributes:
        modulation: "bpsk", "qpsk", "16qam" or "64qam".
        rate: Code rate of the first transmission.
        base_graph: Of the 5G LDPC code, 1 or 2.
        rv_order: Redundancy versions in turn.
        combining: "ir" or "chase".
        iterations: Of the LDPC decoder, at most.
        give_up: Whether to skip decoding what provably cannot be decoded.
    """

    modulation: str = "16qam"
    rate: float = 0.75
    base_graph: int = 1
    rv_order: tuple[int, ...] = (0, 2, 3, 1)
    combining: str = "ir"
    iterations: int = 50
    give_up: bool = True

    def codec(self, payload_bits: int) -> TransportCodec:
        """The codec of transport blocks of one size."""
        return TransportCodec(
            payload_bits,
            self.rate,
            self.modulation,
            self.base_graph,
            self.rv_order,
            self.combining,  # type: ignore[arg-type]
            self.iterations,
            self.give_up,
        )

    def largest_file_bytes(self, uses: int) -> int:
        """Bytes of the largest file one round of which fits `uses` channel uses."""
        low, high = 0, uses * Modulation(self.modulation).bits_per_symbol // 8 + 1
        while low < high:
            middle = (low + high + 1) // 2
            if self.codec(8 * middle).uses <= uses:
                low = middle
            else:
                high = middle - 1
        return low


@dataclass(frozen=True)
class TxState:
    """One entry per image: its payload bits, its codec; and the round that comes next."""

    bits: list[Tensor]
    codecs: list[TransportCodec]
    round: int = 0


@dataclass(frozen=True)
class RxState:
    """One entry per image: codec, soft buffer, decided bits, good bits; and the next round."""

    codecs: list[TransportCodec]
    buffers: list[SoftBuffer]
    bits: list[Tensor]
    good_bits: Tensor
    ok: Tensor
    round: int = 0


@final
class Conventional(Scheme):
    """JPEG + LDPC + QAM + HARQ (both papers' traditional methods).

    ```
    pixels -> JPEG -> CRC, segments, LDPC, rv j -> QAM -> x
    y -> soft demapping -> LLRs into the soft buffer -> LDPC -> CRC -> ACK | NACK, rv j + 1
    file -> pixels -> DenseNet-121, clean-trained -> tasks
    ```

    Args:
        coding: Modulation, rate, HARQ.
        image_codec: Source codec and quality.
        slot_uses: T W, which quality "fit" fills.
        harq: False for one shot: every answer is an ACK.
        on_failure: Name of a failure policy.
    """

    reasons: ClassVar[tuple[str, ...]] = ("transmissions used up", "CRC holds", "one shot")

    def __init__(
        self,
        coding: Coding,
        image_codec: ImageCodec,
        slot_uses: int,
        harq: bool = True,
        on_failure: str = "best-effort",
    ) -> None:
        if on_failure not in FAILURE_POLICIES:
            raise ValueError(
                f"unknown failure policy {on_failure!r}; {nearest(on_failure, FAILURE_POLICIES)}"
            )
        self.coding, self.image_codec, self.harq = coding, image_codec, harq
        self.policy = FAILURE_POLICIES[on_failure]
        self.modulation = Modulation(coding.modulation)
        self.most_bytes = coding.largest_file_bytes(slot_uses)
        self._sources: Sources | None = None
        self._s: dict[bytes, Tensor] = {}  # a picture that arrives as before is not encoded again

    def encode(self, sources: Sources, index: np.ndarray) -> Payload:
        """Pixels -> files; the same at every SNR."""
        self._sources = sources
        pixels = sources.pixels(sources.features.kept[index])
        files = [self.image_codec.encode(image, self.most_bytes) for image in pixels]
        return Payload({}, {"file": files})

    def start(self, payload: Payload, slot: Slot) -> tuple[TxState, RxState]:
        """Files -> transport blocks, empty soft buffers."""
        files: list[bytes] = payload.objects["file"]
        codecs = [self.coding.codec(8 * len(data)) for data in files]
        bits = [torch.from_numpy(np.unpackbits(np.frombuffer(d, np.uint8))) for d in files]
        buffers = [codec.start(1) for codec in codecs]
        empty = [torch.zeros_like(b) for b in bits]
        none = torch.zeros(len(files), dtype=torch.int64)
        return TxState(bits, codecs), RxState(codecs, buffers, empty, none, none > 0)

    def transmit(self, tx: TxState, feedback: Feedback | None, slot: Slot) -> tuple[Burst, TxState]:
        """The next redundancy version of every transport block."""
        uses = torch.tensor([codec.uses for codec in tx.codecs])
        x = torch.zeros(len(uses), int(uses.max()), dtype=torch.complex64)
        for row, (codec, bits) in enumerate(zip(tx.codecs, tx.bits, strict=True)):
            x[row, : codec.uses] = self.modulation.map(codec.encode(bits[None], tx.round))[0]
        return Burst(x, uses), replace(tx, round=tx.round + 1)

    def receive(self, rx: RxState, received: Received, slot: Slot) -> tuple[Feedback, RxState]:
        """Demaps, combines, decodes; ACK where the CRC holds."""
        y, h, no = received
        llr = self.modulation.demap(y, h, no).cpu()
        n = len(rx.codecs)
        llrs = [llr[i : i + 1, : codec.coded_bits] for i, codec in enumerate(rx.codecs)]
        found = receive_many(rx.codecs, rx.buffers, llrs, [rx.round] * n)
        ok = torch.tensor([bool(r.crc_ok) for r in found])
        good = torch.tensor(
            [_good_bits(c, r.block_ok[0]) for c, r in zip(rx.codecs, found, strict=True)]
        )
        ack = ok if self.harq else torch.ones_like(ok)
        reason = torch.where(ok, 1, 0 if self.harq else 2).to(torch.int8)
        state = RxState(
            rx.codecs, [r.buffer for r in found], [r.bits[0] for r in found], good, ok, rx.round + 1
        )
        return no_request(ack)._replace(reason=reason), state

    def perform(self, rx: RxState) -> TaskOutputs:
        """Files -> pixels -> s -> tasks."""
        assert self._sources is not None
        size = (self._sources.image_size,) * 2
        pictures = []
        for bits, ok, good in zip(rx.bits, rx.ok.tolist(), rx.good_bits.tolist(), strict=True):
            data = np.packbits(bits.numpy()).tobytes()
            decode = self.image_codec.decode
            pictures.append(
                decode(data, size) if ok else self.policy(self.image_codec, data, good, size)
            )
        s = self._encoded(pictures)
        performers = self._sources.encoder.network.performers
        return TaskOutputs(*in_tiles(performers, s))

    def _encoded(self, pictures: list[np.ndarray]) -> Tensor:
        """s [batch, 1024], each distinct picture encoded once in a run."""
        assert self._sources is not None
        keys = [hashlib.sha256(picture.tobytes()).digest() for picture in pictures]
        new = {k: p for k, p in zip(keys, pictures, strict=True) if k not in self._s}
        if new:
            fresh = self._sources.encode_pixels(np.stack(list(new.values())))
            self._s.update(zip(new, fresh, strict=True))
        return torch.stack([self._s[key] for key in keys])


def _good_bits(codec: TransportCodec, block_ok: Tensor) -> int:
    """Payload bits before the first bad code block."""
    bad = (~block_ok).nonzero()
    if not len(bad):
        return codec.payload_bits
    per_block = codec.segmentation.block_bits - codec.segmentation.block_crc_bits
    return min(codec.payload_bits, int(bad[0]) * per_block)
