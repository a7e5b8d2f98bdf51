"""Enumerative code: which k of n features were selected, in ceil(log2 C(n, k)) bits.

All selections of k out of n are numbered in lexicographic order; the code word is the number of the
selection. No code of fixed length is shorter.

Source: T. Cover, "Enumerative source encoding", IEEE Trans. Inf. Theory 19 (1973).
"""

from __future__ import annotations

from math import comb

import numpy as np


def selection_bits(n: int, k: int) -> int:
    """Returns the bits of a code word, ceil(log2 C(n, k)).

    >>> selection_bits(4, 2), selection_bits(1024, 15), selection_bits(7, 7)
    (3, 110, 0)
    """
    return (comb(n, k) - 1).bit_length()


def encode_selection(selected: np.ndarray) -> np.ndarray:
    """Returns the code word of a selection.

    Args:
        selected: [n] bool, k of them True.

    Returns:
        [selection_bits(n, k)] bool, most significant bit first.

    >>> encode_selection(np.array([True, False, False, True])).tolist()  # 0011 0101 0110 1001: 3
    [False, True, True]
    """
    n, k = len(selected), int(selected.sum())
    width, index = selection_bits(n, k), 0
    left, count = k, comb(n, k)
    for place, one in enumerate(selected.tolist()):
        if not left:
            break
        zeros = count * (n - place - left) // (n - place)  # selections without this place
        if one:
            index, count, left = index + zeros, count - zeros, left - 1
        else:
            count = zeros
    return _bits(index, width)


def decode_selection(word: np.ndarray, n: int, k: int) -> np.ndarray:
    """Returns the selection [n] bool of a code word.

    A receiver with a wrong n or k reads a wrong selection, but always k of n: missing bits are read
    as zeros, further bits are ignored, and numbers count modulo C(n, k).

    >>> decode_selection(np.array([False, True, True]), 4, 2).tolist()
    [True, False, False, True]
    """
    width, count = selection_bits(n, k), comb(n, k)
    bits = np.zeros(width, dtype=bool)
    bits[: len(word)] = word[:width]
    index = int.from_bytes(np.packbits(bits).tobytes(), "big") >> (-width % 8)
    index %= count
    selected = np.zeros(n, dtype=bool)
    for place in range(n):
        if not k:
            break
        zeros = count * (n - place - k) // (n - place)
        if index >= zeros:
            index, count, k = index - zeros, count - zeros, k - 1
            selected[place] = True
        else:
            count = zeros
    return selected


def _bits(number: int, width: int) -> np.ndarray:
    data = np.frombuffer((number << (-width % 8)).to_bytes(-(-width // 8), "big"), dtype=np.uint8)
    return np.unpackbits(data)[:width].astype(bool)
