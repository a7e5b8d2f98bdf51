"""Systematic encoder of the 5G LDPC codes (TS 38.212 clause 5.3.2).

    check row r:   sum over the edges (c, s) of  roll(bits of column c, -s)  =  0   (modulo 2)

The first four rows couple four parity columns. In their sum three of these columns cancel, which
gives the first one; each of the other three then follows from one row. Every later row has a parity
column of its own.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phy.coding.crc import Bits
from phy.coding.ldpc_code import LdpcCode
from phy.kernels.compiled import no_type_check

#: Rows of the base graph whose parity columns are coupled.
_CORE = 4


def encode(bits: Bits, code: LdpcCode) -> Bits:
    """Encodes blocks to words of the mother code.

    Args:
        bits: [blocks, k] uint8 information bits, without fillers.
        code: LDPC code.

    Returns:
        [blocks, n_mother] uint8: information, fillers (zeros), parity.

    Raises:
        ValueError: When `bits` has another shape.

    >>> code = LdpcCode.for_block(100, 2)
    >>> word = encode(np.ones((1, 100), np.uint8), code)
    >>> word.shape, bool(syndrome(word, code).any())
    ((1, 936), False)
    """
    if bits.ndim != 2 or bits.shape[1] != code.k:
        raise ValueError(f"bits have shape {bits.shape}, they must be [blocks, {code.k}]")
    words = np.zeros((len(bits), code.n_mother), np.uint8)
    words[:, : code.k] = bits
    _fill_parity(words, *code.graph, code.lifting, code.info_columns)
    return words


def syndrome(words: Bits, code: LdpcCode) -> Bits:
    """Computes the parity checks of words; all are zero for a codeword.

    Args:
        words: [blocks, n_mother] uint8 words.
        code: LDPC code.

    Returns:
        [blocks, rows Z] uint8.

    >>> code = LdpcCode.for_block(100, 2)
    >>> word = np.zeros((1, code.n_mother), np.uint8)
    >>> word[0, -1] = 1  # the last parity bit is in one check
    >>> int(syndrome(word, code).sum())
    1
    """
    checks = np.zeros((len(words), code.rows * code.lifting), np.uint8)
    _all_checks(words, checks, *code.graph, code.lifting)
    return checks


# Whole arrays, unsigned offsets and a separate array for the sum let the compiler vectorize loops.
@njit(cache=True)
@no_type_check
def _add_rolled(
    total: Bits, bits: Bits, first: int, shift: int
) -> None:  # pragma: no cover - compiled
    """Computes total ^= roll(bits[first : first + Z], -shift) in two contiguous parts."""
    z, start, turn = np.uint64(len(total)), np.uint64(first), np.uint64(shift)
    for i in range(z - turn):
        total[i] ^= bits[start + turn + i]
    for i in range(turn):
        total[z - turn + i] ^= bits[start + i]


@njit(cache=True)
@no_type_check
def _add_row(
    total: Bits, bits: Bits, row: int, skipped: int,
    start: NDArray[np.int64], column: NDArray[np.int64], shift: NDArray[np.int64],
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Adds the edges of a row before column `skipped` to `total` [Z]."""
    for e in range(start[row], start[row + 1]):
        if column[e] < skipped:
            _add_rolled(total, bits, column[e] * len(total), shift[e])


@njit(cache=True)
@no_type_check
def _fill_parity(
    words: Bits, start: NDArray[np.int64], column: NDArray[np.int64], shift: NDArray[np.int64],
    z: int, info_columns: int,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Writes the parity columns of words [blocks, n_mother]."""
    back, size = 0, np.uint64(z)
    for row in range(1, _CORE - 1):  # The equal shifts of rows 0 and 3 cancel.
        for e in range(start[row], start[row + 1]):
            if column[e] == info_columns:
                back = shift[e]
    for word in words:
        total = np.zeros(z, np.uint8)
        for row in range(_CORE):
            _add_row(total, word, row, info_columns, start, column, shift)
        for i in range(z):
            word[info_columns * z + (i + back) % z] = total[i]
        for row in range(len(start) - 1):
            if row == _CORE - 2:
                continue  # The sum of the four rows replaces this row.
            # Row 0 gives the second parity column, row 1 the third, row 3 the fourth.
            own = info_columns + (row + 1 if row < _CORE - 2 else row)
            # Loops: assignments to slices would take two more seconds to compile.
            for i in range(size):
                total[i] = 0
            _add_row(total, word, row, own, start, column, shift)
            first = np.uint64(own * z)
            for i in range(size):
                word[first + i] = total[i]


@njit(cache=True)
@no_type_check
def _all_checks(
    words: Bits, checks: Bits, start: NDArray[np.int64], column: NDArray[np.int64],
    shift: NDArray[np.int64], z: int,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Sums the edges of each row of words [blocks, n_mother] into checks [blocks, rows Z]."""
    for w in range(len(words)):
        for row in range(len(start) - 1):
            total = checks[w, row * z : (row + 1) * z]
            _add_row(total, words[w], row, words.shape[1], start, column, shift)
