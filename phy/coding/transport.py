"""Transport blocks over the air: CRC, segmentation, LDPC, rate matching, and the way back.

    payload -> zeros, CRC -> code blocks, CRC24B -> LDPC -> rv of round j, interleaver -> coded bits
    bits, ACK <- CRC <- join, CRC24B <- LDPC decoder <- soft buffer (value in, value out) <- LLRs

Modulation stands outside, in `phy.modulation`: the LLRs may have crossed any channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.coding.bounds import cannot_decode
from phy.coding.crc import CRC24B, Bits, Crc, transport_crc
from phy.coding.ldpc_code import LdpcCode, check_base_graph
from phy.coding.ldpc_decoder import Decoder, NumbaDecoder
from phy.coding.ldpc_encoder import encode
from phy.coding.rate_matching import accumulate, empty_buffer, match, sent_positions
from phy.coding.segmentation import Segmentation, padded_bits
from phy.coding.soft_buffer import Reception, SoftBuffer
from phy.modulation import Modulation

#: Code rates of the first transmission that are allowed.
MIN_RATE, MAX_RATE = 30 / 1024, 948 / 1024
COMBININGS = ("ir", "chase")


@dataclass(frozen=True)
class TransportCodec:
    """Coding of transport blocks of one size.

    Attributes:
        payload_bits: Bits A of the payload, at least 1.
        rate: Bits of the code blocks, CRCs included, over coded bits of one round; 0.0293 to 0.9258.
        modulation: Sets the interleaver and the granularity of the coded bits.
        base_graph: 1 or 2; `select_base_graph` has the rule of TS 38.212.
        rv_order: Redundancy versions of the rounds, taken in a circle.
        combining: "ir", or "chase" for the first redundancy version every time.
        iterations: Decoder iterations at most; most blocks need a few. 20 cost 0.1 dB.
        give_up: Whether to leave out blocks that provably cannot be decoded, see `cannot_decode`.
        decoder: LDPC decoder.

    Raises:
        ValueError: When one of them is not allowed.

    >>> codec = TransportCodec(payload_bits=50_000)
    >>> codec.blocks, codec.code.k, codec.coded_bits, codec.uses
    (6, 8362, 66896, 16724)
    """

    payload_bits: int
    rate: float = 0.75
    modulation: str = "16qam"
    base_graph: int = 1
    rv_order: tuple[int, ...] = (0, 2, 3, 1)
    combining: Literal["ir", "chase"] = "ir"
    iterations: int = 50
    give_up: bool = True
    decoder: Decoder = field(default_factory=NumbaDecoder, compare=False)

    def __post_init__(self) -> None:
        check_base_graph(self.base_graph)
        Modulation(self.modulation)
        if self.payload_bits < 1:
            raise ValueError(f"payload of {self.payload_bits} bits is not allowed, it must be >= 1")
        if not MIN_RATE <= self.rate <= MAX_RATE:
            raise ValueError(
                f"rate {self.rate} is not allowed, it must be {MIN_RATE:.4f} to {MAX_RATE:.4f}"
            )
        if not self.rv_order or any(rv not in (0, 1, 2, 3) for rv in self.rv_order):
            raise ValueError(f"rv_order {self.rv_order} is not allowed, it must be of 0, 1, 2, 3")
        if self.combining not in COMBININGS:
            raise ValueError(f"combining {self.combining!r} is not one of {', '.join(COMBININGS)}")

    @cached_property
    def segmentation(self) -> Segmentation:
        """How the payload, padded to split evenly, falls into code blocks."""
        crc = transport_crc(self.payload_bits)
        return Segmentation(
            padded_bits(self.payload_bits + crc.length, self.base_graph), self.base_graph
        )

    @property
    def crc(self) -> Crc:
        """CRC of the transport block."""
        return transport_crc(self.payload_bits)

    @property
    def code(self) -> LdpcCode:
        """Code of every code block."""
        return self.segmentation.code

    @property
    def blocks(self) -> int:
        """Code blocks C."""
        return self.segmentation.blocks

    @cached_property
    def block_lengths(self) -> tuple[int, ...]:
        """Coded bits E_r of each code block (TS 38.212 clause 5.4.2.1): the longer ones last."""
        order = Modulation(self.modulation).bits_per_symbol
        symbols = -(-int(np.ceil(self.blocks * self.code.k / self.rate - 1e-6)) // order)
        short, longer = divmod(symbols, self.blocks)
        return tuple(order * (short + (r >= self.blocks - longer)) for r in range(self.blocks))

    @property
    def coded_bits(self) -> int:
        """Bits G of one round."""
        return sum(self.block_lengths)

    @property
    def uses(self) -> int:
        """Channel uses of one round."""
        return self.coded_bits // Modulation(self.modulation).bits_per_symbol

    def redundancy_version(self, j: int) -> int:
        """The redundancy version of round j, the first being 0."""
        return self.rv_order[0 if self.combining == "chase" else j % len(self.rv_order)]

    def encode(self, payload: Tensor, j: int = 0) -> Tensor:
        """The coded bits of a round.

        Args:
            payload: [batch, payload_bits] zeros and ones.
            j: Round, the first being 0.

        Returns:
            [batch, coded_bits] uint8, code block after code block.

        Raises:
            ValueError: When the payload has another shape.
        """
        return self.select(self.codewords(payload), j)

    def codewords(self, payload: Tensor) -> Tensor:
        """The words of the mother code, from which `select` takes every round.

        Args:
            payload: [batch, payload_bits] zeros and ones.

        Returns:
            [batch, blocks, n_mother] uint8.

        Raises:
            ValueError: When the payload has another shape.
        """
        if payload.ndim != 2 or payload.shape[1] != self.payload_bits:
            raise ValueError(
                f"payload has shape {tuple(payload.shape)}, it must be [batch, {self.payload_bits}]"
            )
        bits = payload.to("cpu", torch.uint8).numpy()
        padding = self.segmentation.bits - self.crc.length - self.payload_bits
        bits = self.crc.append(np.pad(bits, ((0, 0), (0, padding))))
        blocks = self.segmentation.segment(bits)
        words = encode(blocks.reshape(-1, self.code.k), self.code)
        return torch.from_numpy(words.reshape(len(bits), self.blocks, -1))

    def select(self, words: Tensor, j: int) -> Tensor:
        """The coded bits of round j, as `encode` gives them, from `codewords`."""
        rows = words.numpy()
        sent = [match(rows[:, r], self._positions(r, j)) for r in range(self.blocks)]
        return torch.from_numpy(np.concatenate(sent, axis=1))

    def start(self, batch: int) -> SoftBuffer:
        """The soft buffer of transport blocks of which nothing was received yet."""
        llr = empty_buffer(batch * self.blocks, self.code).reshape(batch, self.blocks, -1)
        return SoftBuffer(
            torch.from_numpy(llr),
            torch.zeros(batch, self.blocks, self.code.k, dtype=torch.uint8),
            torch.zeros(batch, self.blocks, dtype=torch.bool),
        )

    def receive(self, buffer: SoftBuffer, llr: Tensor, j: int = 0) -> Reception:
        """Takes in a round and tries to decode what is not right yet.

        Args:
            buffer: From `start`, or from the round before.
            llr: [batch, coded_bits] LLRs ln p(0) / p(1), 0 for a bit that was not sent.
            j: Round, the first being 0.

        Raises:
            ValueError: When a shape does not fit, or an LLR is not a number.
        """
        return receive_many([self], [buffer], [llr], [j])[0]

    def _positions(self, r: int, j: int) -> NDArray[np.int32]:
        order = Modulation(self.modulation).bits_per_symbol
        return sent_positions(self.code, self.block_lengths[r], self.redundancy_version(j), order)

    def _combined(self, buffer: SoftBuffer, llr: Tensor, j: int) -> NDArray[np.float32]:
        """[batch blocks, n_mother] the buffer with a round added."""
        batch = len(buffer.llr)
        if llr.shape != (batch, self.coded_bits):
            raise ValueError(
                f"LLRs have shape {tuple(llr.shape)}, they must be [{batch}, {self.coded_bits}]"
            )
        if bool(torch.isnan(llr).any()):
            raise ValueError("an LLR is not a number: the noise variance or the channel is wrong")
        pieces = llr.detach().to("cpu", torch.float32).numpy()
        ends = np.cumsum(self.block_lengths)
        total = buffer.llr.numpy().copy()
        for r, (e, end) in enumerate(zip(self.block_lengths, ends, strict=True)):
            accumulate(total[:, r], pieces[:, end - e : end], self._positions(r, j))
        return total.reshape(batch * self.blocks, -1)

    def _concluded(self, llr: NDArray[np.float32], bits: Bits, ok: NDArray[np.bool_]) -> Reception:
        """Joins decided code blocks: llr, bits and ok have batch and blocks as one axis."""
        blocks = bits.reshape(-1, self.blocks, self.code.k)
        block_ok = ok.reshape(-1, self.blocks)
        whole, _ = self.segmentation.join(blocks)
        crc_ok = block_ok.all(axis=1) & self.crc.check(whole)
        # All CRC24B hold and the CRC of the whole does not: one is wrong, nobody knows which.
        block_ok = block_ok & (crc_ok | ~block_ok.all(axis=1))[:, None]
        buffer = SoftBuffer(
            torch.from_numpy(llr.reshape(*block_ok.shape, -1)),
            torch.from_numpy(blocks),
            torch.from_numpy(block_ok),
        )
        payload = torch.from_numpy(whole[:, : self.payload_bits].copy())
        return Reception(buffer, payload, torch.from_numpy(crc_ok), buffer.block_ok)


def receive_many(
    codecs: Sequence[TransportCodec],
    buffers: Sequence[SoftBuffer],
    llrs: Sequence[Tensor],
    rounds: Sequence[int],
) -> list[Reception]:
    """`TransportCodec.receive` for transport blocks of different sizes at once.

    Code blocks with the same graph go into the decoder together, so that a few blocks of each of
    many sizes still keep all cores busy.

    Args:
        codecs: One per size; with its buffer, its LLRs [batch, coded_bits] and its round each.
    """
    parts = zip(codecs, buffers, llrs, rounds, strict=True)
    combined = [codec._combined(buffer, llr, j) for codec, buffer, llr, j in parts]
    bits = [
        b.bits.numpy().reshape(-1, c.code.k).copy() for c, b in zip(codecs, buffers, strict=True)
    ]
    oks = [b.block_ok.numpy().ravel().copy() for b in buffers]
    waiting: dict[tuple[object, ...], list[tuple[int, NDArray[np.int64]]]] = {}
    for i, codec in enumerate(codecs):
        rows = np.flatnonzero(~oks[i])
        if codec.give_up:
            hopeless = cannot_decode(_take(combined[i], rows), codec.code.k)
            bits[i][rows[hopeless]] = combined[i][rows[hopeless], : codec.code.k] < 0
            rows = rows[~hopeless]
        key = (id(codec.decoder), codec.iterations, codec.base_graph, codec.code.lifting)
        waiting.setdefault(key, []).append((i, rows))
    for members in waiting.values():
        _decode_members(codecs, members, combined, bits, oks)
    return [c._concluded(*p) for c, *p in zip(codecs, combined, bits, oks, strict=True)]


def _decode_members(
    codecs: Sequence[TransportCodec],
    members: list[tuple[int, NDArray[np.int64]]],
    combined: list[NDArray[np.float32]],
    bits: list[Bits],
    oks: list[NDArray[np.bool_]],
) -> None:
    """Decodes rows of several codecs with one graph; writes into `bits` and `oks`."""
    first = codecs[members[0][0]]
    # Sizes differ in their fillers only, which the soft buffer marks itself.
    code = LdpcCode(first.base_graph, first.code.lifting, first.code.k_mother)
    parts = [_take(combined[i], rows) for i, rows in members]
    llr = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if not len(llr):
        return
    decoded = first.decoder(llr, code, first.iterations)
    start = 0
    for i, rows in members:
        part = slice(start, start + len(rows))
        start += len(rows)
        block = decoded.bits[part, : codecs[i].code.k]
        crc = CRC24B if codecs[i].blocks > 1 else codecs[i].crc
        # Zeros pass any CRC, so that silence would be an ACK: they must be decided zeros.
        heard = decoded.converged[part] | block.any(axis=1)
        bits[i][rows] = block
        oks[i][rows] = crc.check(block) & heard


def _take(array: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Some rows; without a copy where they are all: copying takes as long as decoding."""
    return array if len(rows) == len(array) else array[rows]
