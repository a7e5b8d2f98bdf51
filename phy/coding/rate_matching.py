"""Rate matching of TS 38.212 clause 5.4.2: circular buffer, redundancy versions, interleaver.

    word of the mother code:  | 2 Z punctured | information | fillers | parity |
    circular buffer:                          |<------------- N_cb ----------->|, and around

A transmission of E bits starts at k0(rv), skips the fillers and wraps around as often as needed.
The receiver adds each LLR to the position of its bit. The soft buffer has the layout of the word of the
mother code, which is also the input of the decoder.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phy.coding.crc import Bits
from phy.coding.ldpc_code import LdpcCode
from phy.kernels.compiled import no_type_check

#: LLRs, ln p(0) / p(1): positive means 0.
Llrs = NDArray[np.float32]

#: k0 in units of N_cb / (number of transmitted columns), by redundancy version (table 5.4.2.1-2).
_START = {1: (0, 17, 33, 56), 2: (0, 13, 25, 43)}
#: Received LLRs are clipped to this magnitude, so that sums stay finite.
_LARGEST_LLR = 1e6


def start_position(rv: int, code: LdpcCode, n_cb: int | None = None) -> int:
    """Returns k0, the start of a redundancy version in the circular buffer.

    Source: TS 38.212 table 5.4.2.1-2.

    Args:
        rv: Redundancy version, 0 to 3.
        code: LDPC code.
        n_cb: Length of the circular buffer; None for the full length.

    Raises:
        ValueError: When the redundancy version or the length is not allowed.

    >>> [start_position(rv, LdpcCode(1, 384, 8448)) // 384 for rv in (0, 1, 2, 3)]
    [0, 17, 33, 56]
    """
    if rv not in (0, 1, 2, 3):
        raise ValueError(f"redundancy version {rv!r} is not one of 0, 1, 2, 3")
    if n_cb is None:
        n_cb = code.n_buffer
    if not code.k_mother <= n_cb <= code.n_buffer:
        raise ValueError(
            f"circular buffer of {n_cb} is not allowed, it must be {code.k_mother} "
            f"to {code.n_buffer} for this code"
        )
    return _START[code.base_graph][rv] * n_cb // code.n_buffer * code.lifting


@lru_cache(maxsize=512)
def sent_positions(
    code: LdpcCode, coded_bits: int, rv: int, bits_per_symbol: int, n_cb: int | None = None
) -> NDArray[np.int32]:
    """Returns the positions in the mother word of the bits that are sent, in transmission order.

    Bit selection (clause 5.4.2.1) is followed by the interleaver (clause 5.4.2.2), which writes
    E / Q_m columns row by row and reads them column by column.

    Args:
        code: LDPC code.
        coded_bits: Number of coded bits E, a multiple of `bits_per_symbol`.
        rv: Redundancy version, 0 to 3.
        bits_per_symbol: Modulation order Q_m.
        n_cb: Length of the circular buffer; None for the full length.

    Returns:
        [E] positions; the array is cached and read-only.

    Raises:
        ValueError: When an argument is not allowed.

    >>> sent_positions(LdpcCode.for_block(44), 8, 0, 2)
    array([ 4,  8,  5,  9,  6, 10,  7, 11], dtype=int32)
    """
    if coded_bits < 1 or coded_bits % bits_per_symbol:
        raise ValueError(
            f"{coded_bits} coded bits are not allowed, "
            f"it must be a positive multiple of {bits_per_symbol}"
        )
    start = start_position(rv, code, n_cb)
    first = 2 * code.lifting
    ring = np.roll(np.arange(first, first + (n_cb or code.n_buffer), dtype=np.int32), -start)
    ring = ring[(ring < code.k) | (ring >= code.k_mother)]
    selected = np.resize(ring, coded_bits)
    sent = np.ascontiguousarray(selected.reshape(bits_per_symbol, -1).T).ravel()
    sent.flags.writeable = False
    return sent


def match(words: Bits, positions: NDArray[np.int32]) -> Bits:
    """Selects the bits that are sent.

    Args:
        words: [blocks, n_mother] uint8 words of the mother code.
        positions: [E] positions from `sent_positions`.

    Returns:
        [blocks, E] uint8.

    >>> match(np.array([[0, 1, 1]], np.uint8), np.array([2, 0, 2], np.int32))
    array([[1, 0, 1]], dtype=uint8)
    """
    return np.take(words, positions, axis=1)  # several times faster than words[:, positions]


def empty_buffer(blocks: int, code: LdpcCode) -> Llrs:
    """Returns a soft buffer before the first reception.

    Args:
        blocks: Number of blocks.
        code: LDPC code.

    Returns:
        [blocks, n_mother] float32: 0 for unknown bits, +inf for fillers, which are known zeros.

    >>> buffer = empty_buffer(1, LdpcCode.for_block(44))
    >>> int(np.isinf(buffer).sum()) == LdpcCode.for_block(44).fillers
    True
    """
    buffer = np.zeros((blocks, code.n_mother), np.float32)
    buffer[:, code.k : code.k_mother] = np.inf
    return buffer


def combine(buffer: Llrs, llr: Llrs, positions: NDArray[np.int32]) -> Llrs:
    """Adds the LLRs of a transmission to a soft buffer.

    The LLRs of a repeated bit are summed. In Chase combining every transmission has the same
    redundancy version.

    Args:
        buffer: [blocks, n_mother] float32, not modified.
        llr: [blocks, E] float32 LLRs in transmission order.
        positions: [E] positions from `sent_positions`.

    Returns:
        [blocks, n_mother] float32, the new buffer.

    >>> old, llr = np.array([[1.0, 0.0]], np.float32), np.array([[2.0, 3.0]], np.float32)
    >>> combine(old, llr, np.array([0, 0], np.int32))  # one bit, sent twice
    array([[6., 0.]], dtype=float32)
    """
    total = buffer.copy()
    accumulate(total, llr, positions)
    return total


def accumulate(total: Llrs, llr: Llrs, positions: NDArray[np.int32]) -> None:
    """Adds the LLRs of a transmission to a soft buffer in place; see `combine`.

    Args:
        total: [blocks, n_mother] float32, modified.
        llr: [blocks, E] float32 LLRs in transmission order.
        positions: [E] positions from `sent_positions`.
    """
    _add_at(total, llr, positions, np.float32(_LARGEST_LLR))


@njit(cache=True)
@no_type_check
def _add_at(
    total: Llrs, llr: Llrs, positions: NDArray[np.int32], largest: np.float32
) -> None:  # pragma: no cover - compiled
    """Computes total[b, positions[i]] += llr[b, i] with repeated positions."""
    for b in range(len(total)):
        for i in range(len(positions)):
            total[b, positions[i]] += min(max(llr[b, i], -largest), largest)
