"""Joint decoding of code blocks of several sizes, grouped by their LDPC graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from phy.coding.bounds import cannot_decode
from phy.coding.crc import Bits, Crc
from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_decoder import Decoder
from phy.coding.rate_matching import Llrs


@dataclass(frozen=True, eq=False)
class ReceivedBlocks:
    """Code blocks of one size at the receiver. `decode_jointly` updates `bits` and `ok`.

    Attributes:
        code: LDPC code.
        crc: CRC that decides whether a block is correct.
        decoder: LDPC decoder.
        iterations: Largest number of decoder iterations.
        give_up: Whether to skip blocks that provably cannot be decoded, see `cannot_decode`.
        llr: [blocks, n_mother] soft buffers.
        bits: [blocks, K'] uint8 latest decisions.
        ok: [blocks] bool, blocks that are correct and not decoded again.
    """

    code: LdpcCode
    crc: Crc
    decoder: Decoder
    iterations: int
    give_up: bool
    llr: Llrs
    bits: Bits
    ok: NDArray[np.bool_]

    def waiting(self) -> NDArray[np.int64]:
        """Returns the rows to decode; stores hard decisions of the blocks that it gives up."""
        rows = np.flatnonzero(~self.ok)
        if self.give_up:
            hopeless = cannot_decode(_take(self.llr, rows), self.code.k)
            self.bits[rows[hopeless]] = self.llr[rows[hopeless], : self.code.k] < 0
            rows = rows[~hopeless]
        return rows


def decode_jointly(sizes: Sequence[ReceivedBlocks]) -> None:
    """Decodes all blocks that are not correct yet.

    Blocks with the same graph are decoded in one call, so that a few blocks of each of many sizes
    use all cores.

    Args:
        sizes: Blocks of each size; their `bits` and `ok` are modified.
    """
    groups: dict[tuple[object, ...], list[tuple[ReceivedBlocks, NDArray[np.int64]]]] = {}
    for blocks in sizes:
        code = blocks.code
        key = (id(blocks.decoder), blocks.iterations, code.base_graph, code.lifting)
        groups.setdefault(key, []).append((blocks, blocks.waiting()))
    for members in groups.values():
        _decode_members(members)


def _decode_members(members: list[tuple[ReceivedBlocks, NDArray[np.int64]]]) -> None:
    """Decodes some rows of blocks with one graph, and updates `bits` and `ok`."""
    first = members[0][0]
    # The sizes differ only in their fillers, which are marked in the soft buffer.
    code = LdpcCode(first.code.base_graph, first.code.lifting, first.code.k_mother)
    parts = [_take(blocks.llr, rows) for blocks, rows in members]
    llr = parts[0] if len(parts) == 1 else np.concatenate(parts)
    if not len(llr):
        return
    decoded = first.decoder(llr, code, first.iterations)
    start = 0
    for blocks, rows in members:
        part = slice(start, start + len(rows))
        start += len(rows)
        bits = decoded.bits[part, : blocks.code.k]
        # A block of zeros passes any CRC. It counts only if the decoder has decided its bits, or a
        # receiver without a signal would send an ACK.
        decided = decoded.converged[part] | bits.any(axis=1)
        blocks.bits[rows] = bits
        blocks.ok[rows] = blocks.crc.check(bits) & decided


def _take(array: Llrs, rows: NDArray[np.int64]) -> Llrs:
    """Returns some rows, without a copy for all rows: copying takes as long as decoding."""
    return array if len(rows) == len(array) else array[rows]
