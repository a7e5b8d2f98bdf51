"""Enumerative code: which k of n things were chosen, in ceil(log2 C(n, k)) bits.

All subsets of one size are numbered in lexicographic order; what is sent is the number of the
chosen one. No code of fixed length is shorter.

Source: T. Cover, "Enumerative source encoding", IEEE Trans. Inf. Theory 19 (1973).
"""

from __future__ import annotations

from math import comb

import numpy as np


def subset_bits(n: int, k: int) -> int:
    """ceil(log2 C(n, k)).

    >>> subset_bits(4, 2), subset_bits(1024, 15), subset_bits(7, 7)
    (3, 110, 0)
    """
    return (comb(n, k) - 1).bit_length()


def encode_subset(chosen: np.ndarray) -> np.ndarray:
    """The code word of a subset.

    Args:
        chosen: [n] bool.

    Returns:
        [subset_bits(n, k)] bool, k the number of those chosen, most significant bit first.

    >>> encode_subset(np.array([True, False, False, True])).tolist()  # 0011 0101 0110 1001: 3
    [False, True, True]
    """
    n, k = len(chosen), int(chosen.sum())
    width, index = subset_bits(n, k), 0
    left, count = k, comb(n, k)
    for place, one in enumerate(chosen.tolist()):
        if not left:
            break
        zeros = count * (n - place - left) // (n - place)  # subsets that leave this place out
        if one:
            index, count, left = index + zeros, count - zeros, left - 1
        else:
            count = zeros
    return _bits(index, width)


def decode_subset(word: np.ndarray, n: int, k: int) -> np.ndarray:
    """The subset [n] bool of a code word; bits behind the code word are ignored.

    A receiver that is wrong about n or k reads a wrong subset, but always one of k of n: bits that
    are not there are zeros, and numbers count modulo C(n, k).
    """
    width, count = subset_bits(n, k), comb(n, k)
    bits = np.zeros(width, dtype=bool)
    bits[: len(word)] = word[:width]
    index = int.from_bytes(np.packbits(bits).tobytes(), "big") >> (-width % 8)
    index %= count
    chosen = np.zeros(n, dtype=bool)
    for place in range(n):
        if not k:
            break
        zeros = count * (n - place - k) // (n - place)
        if index >= zeros:
            index, count, k = index - zeros, count - zeros, k - 1
            chosen[place] = True
        else:
            count = zeros
    return chosen


def _bits(number: int, width: int) -> np.ndarray:
    data = np.frombuffer((number << (-width % 8)).to_bytes(-(-width // 8), "big"), dtype=np.uint8)
    return np.unpackbits(data)[:width].astype(bool)
