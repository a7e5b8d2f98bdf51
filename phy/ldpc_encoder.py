"""Systematic encoder of the 5G LDPC codes (TS 38.212 clause 5.3.2).

    check row r:   sum over the edges (c, s) of  roll(bits of column c, -s)  =  0   (modulo 2)

The first four rows couple four parity columns. Summed, the other three cancel and leave the first
one alone; each of the rest then follows from one row. Every later row has one parity bit of its own.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phy.crc import Bits
from phy.ldpc_tables import LdpcCode

#: Rows of the base graph whose parity columns are coupled.
_CORE = 4


def encode(bits: Bits, code: LdpcCode) -> Bits:
    """Words of the mother code.

    Args:
        bits: [blocks, k] uint8 information bits, without fillers.
        code: The code.

    Returns:
        [blocks, n_mother] uint8: information, fillers (zeros), parity.

    Raises:
        ValueError: When `bits` has another shape.

    >>> code = LdpcCode.for_block(100, 2)
    >>> word = encode(np.ones((1, 100), np.uint8), code)
    >>> word.shape, bool(syndrome(word, code).any())
    ((1, 1040), False)
    """
    if bits.ndim != 2 or bits.shape[1] != code.k:
        raise ValueError(f"bits have shape {bits.shape}, they must be [blocks, {code.k}]")
    words = np.zeros((len(bits), code.n_mother), np.uint8)
    words[:, : code.k] = bits
    _fill_parity(words, *code.graph, code.lifting, code.info_columns)
    return words


def syndrome(words: Bits, code: LdpcCode) -> Bits:
    """Parity checks [blocks, rows Z] of words [blocks, n_mother]: all zero for a codeword."""
    checks = np.zeros((len(words), code.rows * code.lifting), np.uint8)
    _all_checks(words, checks, *code.graph, code.lifting)
    return checks


@njit(cache=True)  # type: ignore[untyped-decorator]
def _add_rolled(
    target: NDArray[np.uint8], source: NDArray[np.uint8], shift: int
) -> None:  # pragma: no cover - compiled
    """target ^= roll(source, -shift), in two straight pieces."""
    size = len(source)
    for i in range(size - shift):
        target[i] ^= source[i + shift]
    for i in range(shift):
        target[size - shift + i] ^= source[i]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _fill_parity(
    words: NDArray[np.uint8],
    start: NDArray[np.int64],
    column: NDArray[np.int64],
    shift: NDArray[np.int64],
    z: int,
    info_columns: int,
) -> None:  # pragma: no cover - compiled
    """Writes the parity columns of words [blocks, n_mother]."""
    for word in words:
        first = word[info_columns * z : (info_columns + 1) * z]
        summed = np.zeros(z, np.uint8)
        back = 0
        for row in range(_CORE):
            for e in range(start[row], start[row + 1]):
                if column[e] < info_columns:
                    _add_rolled(summed, word[column[e] * z : (column[e] + 1) * z], shift[e])
                elif column[e] == info_columns and 0 < row < _CORE - 1:
                    back = shift[e]  # In rows 0 and 3 the same shift stands twice, and cancels.
        _add_rolled(first, summed, (z - back) % z)
        for row in range(len(start) - 1):
            if row == _CORE - 2:
                continue  # The sum of the four rows took its place.
            # Row 0 gives the second parity column, row 1 the third, row 3 the fourth.
            own = info_columns + (row + 1 if row < _CORE - 2 else row)
            parity = word[own * z : (own + 1) * z]
            for e in range(start[row], start[row + 1]):
                if column[e] != own:
                    _add_rolled(parity, word[column[e] * z : (column[e] + 1) * z], shift[e])


@njit(cache=True)  # type: ignore[untyped-decorator]
def _all_checks(
    words: NDArray[np.uint8],
    checks: NDArray[np.uint8],
    start: NDArray[np.int64],
    column: NDArray[np.int64],
    shift: NDArray[np.int64],
    z: int,
) -> None:  # pragma: no cover - compiled
    """Sums the edges of each row of words [blocks, n_mother] into checks [blocks, rows Z]."""
    for w in range(len(words)):
        for row in range(len(start) - 1):
            target = checks[w, row * z : (row + 1) * z]
            for e in range(start[row], start[row + 1]):
                _add_rolled(target, words[w, column[e] * z : (column[e] + 1) * z], shift[e])
