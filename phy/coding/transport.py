"""Coding of transport blocks: CRC, segmentation, LDPC and rate matching, and the inverse.

    payload -> zeros, CRC -> code blocks, CRC24B -> LDPC -> redundancy version, interleaver -> bits
    bits, ACK <- CRC <- join, CRC24B <- LDPC decoder <- soft buffer <- LLRs

Modulation is separate (`phy.modulation`): any channel may lie between coded bits and LLRs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor

from phy.coding.attributes import COMBININGS as COMBININGS  # part of this module's interface
from phy.coding.attributes import MAX_RATE as MAX_RATE
from phy.coding.attributes import MIN_RATE as MIN_RATE
from phy.coding.attributes import check_attributes
from phy.coding.crc import CRC24B, Crc, transport_crc
from phy.coding.joint_decoding import ReceivedBlocks, decode_jointly
from phy.coding.ldpc_code import LdpcCode, check_base_graph
from phy.coding.ldpc_decoder import Decoder, NumbaDecoder
from phy.coding.ldpc_encoder import encode
from phy.coding.rate_matching import accumulate, empty_buffer, match, sent_positions
from phy.coding.segmentation import Segmentation, padded_bits
from phy.coding.soft_buffer import Reception, SoftBuffer
from phy.modulation import Modulation


@dataclass(frozen=True)
class TransportCodec:
    """A codec of transport blocks of one size.

    Attributes:
        payload_bits: Number of payload bits A, at least 1.
        rate: Bits of code blocks with CRCs over coded bits of a transmission, 0.0293 to 0.9257.
        modulation: Name of the constellation, which determines the interleaver and the granularity
            of the coded bits.
        base_graph: 1 or 2; `select_base_graph` has the rule of TS 38.212.
        rv_order: Redundancy versions of the transmissions, repeated cyclically.
        combining: "ir" for incremental redundancy, "chase" for Chase combining: the first
            redundancy version in every transmission.
        iterations: Largest number of decoder iterations, 1 to 10000; 20 lose 0.1 dB.
        give_up: Whether to skip blocks that provably cannot be decoded, see `cannot_decode`.
        decoder: LDPC decoder.

    Raises:
        ValueError: When an attribute is not allowed.

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
        check_attributes(
            self.payload_bits, self.rate, self.rv_order, self.combining, self.iterations,
            self.give_up, self.decoder,
        )  # fmt: skip

    @cached_property
    def segmentation(self) -> Segmentation:
        """Segmentation of the payload, which is padded so that it splits evenly."""
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
        """LDPC code of every code block."""
        return self.segmentation.code

    @property
    def blocks(self) -> int:
        """Number of code blocks C."""
        return self.segmentation.blocks

    @cached_property
    def block_lengths(self) -> tuple[int, ...]:
        """Coded bits E_r of each code block, the longer ones last (TS 38.212 clause 5.4.2.1).

        >>> TransportCodec(payload_bits=17_000).block_lengths
        (7596, 7600, 7600)
        """
        order = Modulation(self.modulation).bits_per_symbol
        symbols = -(-int(np.ceil(self.blocks * self.code.k / self.rate - 1e-6)) // order)
        short, longer = divmod(symbols, self.blocks)
        return tuple(order * (short + (r >= self.blocks - longer)) for r in range(self.blocks))

    @property
    def coded_bits(self) -> int:
        """Number of coded bits G of one transmission."""
        return sum(self.block_lengths)

    @property
    def uses(self) -> int:
        """Number of channel uses of one transmission."""
        return self.coded_bits // Modulation(self.modulation).bits_per_symbol

    def redundancy_version(self, transmission: int) -> int:
        """Returns the redundancy version of a transmission, counted from 0.

        >>> [TransportCodec(payload_bits=100).redundancy_version(i) for i in range(5)]
        [0, 2, 3, 1, 0]
        """
        ir = self.combining == "ir"
        return self.rv_order[transmission % len(self.rv_order) if ir else 0]

    def encode(self, payload: Tensor, transmission: int = 0) -> UInt8[Tensor, "batch coded_bits"]:
        """Computes the coded bits of a transmission.

        Args:
            payload: [batch, payload_bits] zeros and ones.
            transmission: Index of the transmission, from 0.

        Returns:
            [batch, coded_bits] uint8, code block after code block.

        Raises:
            ValueError: As `codewords`.
        """
        return self.select(self.codewords(payload), transmission)

    def codewords(self, payload: Tensor) -> UInt8[Tensor, "batch blocks n_mother"]:
        """Encodes payloads to words of the mother code, of which `select` takes coded bits.

        Args:
            payload: [batch, payload_bits] zeros and ones.

        Returns:
            [batch, blocks, n_mother] uint8.

        Raises:
            ValueError: When the payload has another shape or other values.
        """
        if not isinstance(payload, Tensor):
            raise ValueError(f"payload is a {type(payload).__name__}, it must be a torch tensor")
        if payload.ndim != 2 or payload.shape[1] != self.payload_bits:
            raise ValueError(
                f"payload has shape {tuple(payload.shape)}, it must be [batch, {self.payload_bits}]"
            )
        if bool(((payload != 0) & (payload != 1)).any()):
            raise ValueError("a payload holds other values than 0 and 1")
        bits = payload.to("cpu", torch.uint8).numpy()
        padding = self.segmentation.bits - self.crc.length - self.payload_bits
        bits = self.crc.append(np.pad(bits, ((0, 0), (0, padding))))
        blocks = self.segmentation.segment(bits)
        words = encode(blocks.reshape(-1, self.code.k), self.code)
        return torch.from_numpy(words.reshape(len(bits), self.blocks, self.code.n_mother))

    def select(
        self, words: UInt8[Tensor, "batch blocks n_mother"], transmission: int
    ) -> UInt8[Tensor, "batch coded_bits"]:
        """Selects the coded bits of a transmission from `codewords`, as `encode` returns them."""
        rows = words.numpy()
        sent = [match(rows[:, r], self._positions(r, transmission)) for r in range(self.blocks)]
        return torch.from_numpy(np.concatenate(sent, axis=1))

    def start(self, batch: int) -> SoftBuffer:
        """Returns the soft buffer of `batch` transport blocks before the first reception."""
        llr = empty_buffer(batch * self.blocks, self.code)
        llr = llr.reshape(batch, self.blocks, self.code.n_mother)
        return SoftBuffer(
            torch.from_numpy(llr),
            torch.zeros(batch, self.blocks, self.code.k, dtype=torch.uint8),
            torch.zeros(batch, self.blocks, dtype=torch.bool),
        )

    def receive(
        self, buffer: SoftBuffer, llr: Float[Tensor, "batch coded_bits"], transmission: int = 0
    ) -> Reception:
        """Combines a transmission with the soft buffer and decodes the blocks still in error.

        Args:
            buffer: Soft buffer from `start` or from the previous transmission.
            llr: [batch, coded_bits] LLRs ln p(0) / p(1), 0 for a bit that was not sent.
            transmission: Index of the transmission, from 0.

        Returns:
            The new soft buffer, the decisions and the results of the CRCs.

        Raises:
            ValueError: When a shape does not fit, or an LLR is not a number.

        >>> codec = TransportCodec(payload_bits=100)
        >>> llr = 8.0 - 16.0 * codec.encode(torch.ones(1, 100, dtype=torch.uint8))
        >>> codec.receive(codec.start(1), llr).crc_ok
        tensor([True])
        """
        return receive_many([self], [buffer], [llr], [transmission])[0]

    def _positions(self, r: int, transmission: int) -> NDArray[np.int32]:
        order = Modulation(self.modulation).bits_per_symbol
        rv = self.redundancy_version(transmission)
        return sent_positions(self.code, self.block_lengths[r], rv, order)

    def _received(self, buffer: SoftBuffer, llr: Tensor, transmission: int) -> ReceivedBlocks:
        """Adds a transmission to a soft buffer and returns its code blocks."""
        batch = len(buffer.llr)
        if llr.shape != (batch, self.coded_bits):
            raise ValueError(
                f"LLRs have shape {tuple(llr.shape)}, they must be [{batch}, {self.coded_bits}]"
            )
        pieces = llr.detach().to("cpu", torch.float32).numpy()
        if np.isnan(pieces).any():
            raise ValueError("an LLR is not a number: the noise variance or the channel is wrong")
        ends = np.cumsum(self.block_lengths)
        total = buffer.llr.numpy().copy()
        for r, (e, end) in enumerate(zip(self.block_lengths, ends, strict=True)):
            accumulate(total[:, r], pieces[:, end - e : end], self._positions(r, transmission))
        return ReceivedBlocks(
            code=self.code,
            crc=CRC24B if self.blocks > 1 else self.crc,
            decoder=self.decoder,
            iterations=self.iterations,
            give_up=self.give_up,
            llr=total.reshape(batch * self.blocks, self.code.n_mother),
            bits=buffer.bits.numpy().reshape(-1, self.code.k).copy(),
            ok=buffer.block_ok.numpy().ravel().copy(),
        )

    def _concluded(self, received: ReceivedBlocks) -> Reception:
        """Joins decoded code blocks to transport blocks."""
        blocks = received.bits.reshape(-1, self.blocks, self.code.k)
        block_ok = received.ok.reshape(-1, self.blocks)
        whole, _ = self.segmentation.join(blocks)
        crc_ok = block_ok.all(axis=1) & self.crc.check(whole)
        # If all CRC24B hold and the CRC of the transport block fails, every block is suspect.
        block_ok = block_ok & (crc_ok | ~block_ok.all(axis=1))[:, None]
        buffer = SoftBuffer(
            torch.from_numpy(received.llr.reshape(*block_ok.shape, self.code.n_mother)),
            torch.from_numpy(blocks),
            torch.from_numpy(block_ok),
        )
        payload = torch.from_numpy(whole[:, : self.payload_bits].copy())
        return Reception(buffer, payload, torch.from_numpy(crc_ok), buffer.block_ok)


def receive_many(
    codecs: Sequence[TransportCodec],
    buffers: Sequence[SoftBuffer],
    llrs: Sequence[Tensor],
    transmissions: Sequence[int],
) -> list[Reception]:
    """Receives transport blocks of several sizes; see `TransportCodec.receive`.

    Code blocks with the same graph are decoded together (`decode_jointly`).

    Args:
        codecs: One codec per size.
        buffers: Soft buffer of each codec.
        llrs: LLRs [batch, coded_bits] of each codec.
        transmissions: Index of the transmission of each codec, from 0.

    Returns:
        The result of each codec.

    Raises:
        ValueError: When a shape does not fit, or an LLR is not a number.

    >>> small, large = TransportCodec(payload_bits=100), TransportCodec(payload_bits=900)
    >>> zeros = [torch.zeros(1, codec.coded_bits) for codec in (small, large)]
    >>> results = receive_many([small, large], [small.start(1), large.start(1)], zeros, [0, 0])
    >>> [bool(result.crc_ok) for result in results]  # LLRs of 0 are never an ACK
    [False, False]
    """
    parts = zip(codecs, buffers, llrs, transmissions, strict=True)
    received = [codec._received(buffer, llr, i) for codec, buffer, llr, i in parts]
    decode_jointly(received)
    return [codec._concluded(blocks) for codec, blocks in zip(codecs, received, strict=True)]
