"""Code-block segmentation of TS 38.212 clause 5.2.2.

    transport block with CRC (B bits) -> C equal pieces -> + CRC24B each, when C > 1 -> C blocks

The clause assumes that C divides B, because TS 38.214 quantizes the sizes. Here any payload size is
allowed: zeros behind the payload increase B to `padded_bits`, which C divides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from phy.coding.crc import CRC24B, Bits
from phy.coding.ldpc_code import MAX_BLOCK_BITS, MIN_BLOCK_BITS, LdpcCode, check_base_graph


def select_base_graph(payload_bits: int, rate: float) -> int:
    """Returns the base graph of a transport block.

    Source: TS 38.212 clauses 6.2.2 and 7.2.2.

    Args:
        payload_bits: Bits of the transport block without CRC.
        rate: Code rate of the first transmission.

    >>> select_base_graph(292, 0.9), select_base_graph(3824, 0.67), select_base_graph(3824, 0.7)
    (2, 2, 1)
    """
    small = payload_bits <= 292 or (payload_bits <= 3824 and rate <= 0.67)
    return 2 if small or rate <= 0.25 else 1


def block_count(bits: int, base_graph: int) -> int:
    """Returns the number of code blocks C of a transport block.

    Args:
        bits: Bits of the transport block, its CRC included.
        base_graph: 1 or 2.

    Raises:
        ValueError: When the base graph is neither 1 nor 2.

    >>> [block_count(b, 1) for b in (8448, 8449, 16848, 16849)]
    [1, 2, 2, 3]
    """
    check_base_graph(base_graph)
    longest = MAX_BLOCK_BITS[base_graph]
    return 1 if bits <= longest else -(-bits // (longest - CRC24B.length))


def padded_bits(bits: int, base_graph: int) -> int:
    """Returns the smallest size >= `bits` that splits into equal code blocks.

    Rounding up to a multiple of C never increases C, because C (K_cb - 24) is such a multiple.

    Args:
        bits: Bits of the transport block, its CRC included.
        base_graph: 1 or 2.

    >>> padded_bits(16849, 1)
    16851
    """
    blocks = block_count(bits, base_graph)
    return -(-bits // blocks) * blocks


@dataclass(frozen=True)
class Segmentation:
    """The segmentation of transport blocks of one size into code blocks.

    Attributes:
        bits: Size B of the transport block, its CRC included.
        base_graph: 1 or 2.

    Raises:
        ValueError: When B is too small, or C does not divide it.
    """

    bits: int
    base_graph: int = 1

    def __post_init__(self) -> None:
        check_base_graph(self.base_graph)
        if self.bits < MIN_BLOCK_BITS:
            raise ValueError(
                f"a transport block of {self.bits} bits with its CRC is not allowed, "
                f"it must have at least {MIN_BLOCK_BITS}"
            )
        if self.bits != padded_bits(self.bits, self.base_graph):
            raise ValueError(
                f"{self.bits} bits do not split into {self.blocks} equal code blocks, "
                f"pad to {padded_bits(self.bits, self.base_graph)}"
            )

    @cached_property
    def blocks(self) -> int:
        """Number of code blocks C."""
        return block_count(self.bits, self.base_graph)

    @property
    def block_crc_bits(self) -> int:
        """Number of CRC bits L of each code block: 24, or 0 for a single block.

        >>> Segmentation(8448).block_crc_bits, Segmentation(16848).block_crc_bits
        (0, 24)
        """
        return CRC24B.length if self.blocks > 1 else 0

    @property
    def block_bits(self) -> int:
        """Number of bits K' of a code block, with its CRC and without fillers.

        >>> Segmentation(16848).block_bits
        8448
        """
        return self.bits // self.blocks + self.block_crc_bits

    @cached_property
    def code(self) -> LdpcCode:
        """LDPC code of every block."""
        return LdpcCode.for_block(self.block_bits, self.base_graph)

    def segment(self, bits: Bits) -> Bits:
        """Splits transport blocks and appends CRC24B to each block if there are several.

        Args:
            bits: [batch, B] uint8.

        Returns:
            [batch, C, K'] uint8, without fillers.

        Raises:
            ValueError: When `bits` has another shape.

        >>> Segmentation(16848).segment(np.ones((1, 16848), np.uint8)).shape
        (1, 2, 8448)
        """
        if bits.ndim != 2 or bits.shape[1] != self.bits:
            raise ValueError(f"bits have shape {bits.shape}, they must be [batch, {self.bits}]")
        batch = len(bits)
        if self.blocks == 1:
            return bits[:, None, :].astype(np.uint8)
        pieces = CRC24B.append(bits.reshape(batch * self.blocks, self.bits // self.blocks))
        return pieces.reshape(batch, self.blocks, self.block_bits)

    def join(self, blocks: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """Joins code blocks and checks their CRCs; the inverse of `segment`.

        Args:
            blocks: [batch, C, K'] uint8.

        Returns:
            Bits [batch, B] and block_ok [batch, C]. A single block has no CRC of its own and counts
            as correct; the CRC of the transport block decides.

        Raises:
            ValueError: When `blocks` has another shape.

        >>> split = Segmentation(16851)
        >>> bits = np.ones((1, 16851), np.uint8)
        >>> again, block_ok = split.join(split.segment(bits))
        >>> bool((again == bits).all()), block_ok
        (True, array([[ True,  True,  True]]))
        """
        expected = (self.blocks, self.block_bits)
        if blocks.ndim != 3 or blocks.shape[1:] != expected:
            raise ValueError(f"blocks have shape {blocks.shape}, they must be [batch, *{expected}]")
        batch = len(blocks)
        if self.blocks == 1:
            return blocks[:, 0], np.ones((batch, 1), np.bool_)
        block_ok = CRC24B.check(blocks.reshape(-1, self.block_bits)).reshape(batch, self.blocks)
        return blocks[..., : -CRC24B.length].reshape(batch, self.bits), block_ok
