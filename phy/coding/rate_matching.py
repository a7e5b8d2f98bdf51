"""Rate matching of TS 38.212 clause 5.4.2: circular buffer, redundancy versions, interleaver.

    word of the mother code:  | 2 Z never sent | information | fillers | parity |
    circular buffer:                           |<------------- N_cb ----------->|, and around

A transmission of E bits starts at k0(rv), skips the fillers and wraps around as often as needed.
Going back, LLRs are added to the places their bits came from; the soft buffer has the mother
word's own layout, so that it goes into the decoder as it is.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phy.coding.crc import Bits
from phy.coding.ldpc_code import LdpcCode

#: LLRs, ln p(0) / p(1): positive means 0.
Llrs = NDArray[np.float32]

#: k0 in units of N_cb / columns sent, by redundancy version (table 5.4.2.1-2).
_START = {1: (0, 17, 33, 56), 2: (0, 13, 25, 43)}
#: A received LLR counts as this at most, so that sums stay finite.
_LARGEST_LLR = 1e6


def start_position(rv: int, code: LdpcCode, n_cb: int | None = None) -> int:
    """k0, where in the circular buffer a redundancy version starts (table 5.4.2.1-2).

    Args:
        rv: Redundancy version, 0 to 3.
        code: The code.
        n_cb: Length of the circular buffer; None for all of it (no limited buffer).

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
    """Which bits of the mother word are sent, in the order of sending.

    Bit selection (clause 5.4.2.1), then the interleaver (5.4.2.2), which writes E / Q_m columns row
    by row and reads them column by column.

    Args:
        code: The code.
        coded_bits: E, a multiple of `bits_per_symbol`.
        rv: Redundancy version, 0 to 3.
        bits_per_symbol: Q_m.
        n_cb: Length of the circular buffer; None for all of it.

    Returns:
        [E] places in the word; read-only, since it is kept.

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
    """The bits that are sent: words [blocks, n_mother] -> [blocks, E]."""
    return words[:, positions]


def empty_buffer(blocks: int, code: LdpcCode) -> Llrs:
    """A soft buffer before the first reception.

    Returns:
        [blocks, n_mother] float32: 0 where nothing is known, +inf at the fillers, which are known
        to be 0.
    """
    buffer = np.zeros((blocks, code.n_mother), np.float32)
    buffer[:, code.k : code.k_mother] = np.inf
    return buffer


def combine(buffer: Llrs, llr: Llrs, positions: NDArray[np.int32]) -> Llrs:
    """Adds the LLRs of a transmission to a soft buffer.

    A bit that is sent again, in this transmission or another, has the sum of its LLRs: Chase
    combining is the same redundancy version every time.

    Args:
        buffer: [blocks, n_mother] float32, left as it is.
        llr: [blocks, E] float32, in the order of sending.
        positions: [E] from `sent_positions`.

    Returns:
        [blocks, n_mother] float32, the new buffer.
    """
    total = buffer.copy()
    accumulate(total, llr, positions)
    return total


def accumulate(total: Llrs, llr: Llrs, positions: NDArray[np.int32]) -> None:
    """`combine` in place, for a buffer that its owner has just copied."""
    _add_at(total, llr, positions, np.float32(_LARGEST_LLR))


@njit(cache=True)
def _add_at(
    total: Llrs, llr: Llrs, positions: NDArray[np.int32], largest: np.float32
) -> None:  # pragma: no cover - compiled
    """total[b, positions[i]] += llr[b, i], also where positions repeat."""
    for b in range(len(total)):
        for i in range(len(positions)):
            total[b, positions[i]] += min(max(llr[b, i], -largest), largest)
