"""Short linear codes with maximum-likelihood (ML) decoding: up to 14 information bits.

A code word is the message times a generator matrix. Its columns are chosen one after the other,
each so that the union bound of the code so far is least. Every prefix of a code word is therefore a
code word of a good shorter code, and further bits of the same code word are incremental redundancy.

The decoder computes the probability of each of the 2^k messages: its output is soft.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from phy.kernels.compiled import no_type_check

#: Most information bits of a code: its decoder compares 2^14 code words.
MOST_BITS = 14
#: Bhattacharyya parameter of a coded bit in the union bound, that of BPSK at 0 dB per real use.
BHATTACHARYYA = 0.6

_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]


class ShortCode:
    """A linear code of `bits` information bits and of any length.

    Message m is the number whose binary digits are the information bits, the first bit first.

    Args:
        bits: Number of information bits k, 1 to `MOST_BITS`.

    Raises:
        ValueError: The number of bits is not allowed.

    >>> code = ShortCode(2)
    >>> code.encode(torch.tensor([0, 1, 2, 3]), 0, 3)  # the simplex code: all words differ in 2 bits
    tensor([[0, 0, 0],
            [1, 0, 1],
            [0, 1, 1],
            [1, 1, 0]], dtype=torch.uint8)
    """

    def __init__(self, bits: int) -> None:
        if not 1 <= bits <= MOST_BITS:
            raise ValueError(
                f"a short code of {bits} bits is not allowed, it must have 1 to {MOST_BITS}"
            )
        self.bits = bits

    def encode(
        self, message: Int[Tensor, " batch"], first: int, count: int
    ) -> UInt8[Tensor, "batch coded"]:
        """Returns some consecutive bits of the code words.

        Args:
            message: Numbers of the messages.
            first: Number of the first bit.
            count: Number of bits.
        """
        columns = torch.from_numpy(generator_columns(self.bits, first + count)[first:])
        return parity(message.cpu()[:, None] & columns)

    def posterior(
        self,
        llr: Float[Tensor, "batch coded"],
        log_prior: Float[Tensor, " messages"] | None = None,
    ) -> Float[Tensor, "batch messages"]:
        """Returns the probability of each message given the first bits of its code word.

        Args:
            llr: LLRs ln p(0) / p(1) of the first bits; 0 for a bit that was not received.
            log_prior: Logarithm of each message's probability before; None for equal ones.

        >>> ShortCode(1).posterior(torch.tensor([[np.log(3.0)]], dtype=torch.float32))
        tensor([[0.7500, 0.2500]])
        """
        metric = llr @ (_signs(self.bits, llr.shape[1]) / 2)
        return (metric if log_prior is None else metric + log_prior).softmax(1)


def parity(words: Tensor) -> Tensor:
    """Returns the sum modulo 2 of the binary digits of numbers below 2^16, uint8.

    >>> parity(torch.tensor([0, 1, 2, 3, 7]))
    tensor([0, 1, 1, 0, 1], dtype=torch.uint8)
    """
    for shift in (8, 4, 2, 1):
        words = words ^ (words >> shift)
    return (words & 1).to(torch.uint8)


@lru_cache(maxsize=64)
def generator_columns(bits: int, length: int) -> _Integers:
    """Returns the columns of the generator matrix, [length] numbers below 2^bits.

    The next column is the one that minimizes the union bound sum z^w over the weights w of all
    nonzero messages. With column g the bound is (1 + z) / 2 sum f + (1 - z) / 2 F(g), where F is
    the Walsh-Hadamard transform of f = z^w: all columns are compared at once.

    Args:
        bits: Number of information bits.
        length: Number of columns.

    >>> generator_columns(2, 4)
    array([1, 2, 3, 1])
    """
    found = np.empty(length, np.int64)
    _choose_columns(found, bits, BHATTACHARYYA)
    return found


@njit(cache=True)
@no_type_check
def _choose_columns(found: _Integers, bits: int, z: float) -> None:  # pragma: no cover - compiled
    messages = 1 << bits
    bound = np.ones(messages)
    bound[0] = 0.0
    transform = np.empty(messages)
    for position in range(len(found)):
        transform[:] = bound
        _walsh_hadamard(transform)
        column = np.argmin(transform)
        found[position] = column
        largest = 0.0
        for message in range(messages):
            word, odd = message & column, False
            while word:
                word &= word - 1
                odd = not odd
            if odd:
                bound[message] *= z
            largest = max(largest, bound[message])
        bound /= largest  # long codes would underflow


@njit(cache=True)
@no_type_check
def _walsh_hadamard(values: _Floats) -> None:  # pragma: no cover - compiled
    half = 1
    while half < len(values):
        for start in range(0, len(values), 2 * half):
            for i in range(start, start + half):
                a, b = values[i], values[i + half]
                values[i], values[i + half] = a + b, a - b
        half *= 2


@lru_cache(maxsize=32)
def _signs(bits: int, length: int) -> Float[Tensor, "coded messages"]:
    """Returns +1 for a 0 and -1 for a 1 of every code word."""
    words = ShortCode(bits).encode(torch.arange(2**bits), 0, length)
    return (1 - 2 * words.float()).T.contiguous()
