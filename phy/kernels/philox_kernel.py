"""The compiled loops of `phy.kernels.philox`: the same arithmetic on arrays, without temporary tensors.

Blocks of all images are numbered through and taken in chunks that stay in the cache, so that many
short rows are as fast as a few long ones. Each loop over a chunk is straight and becomes vector
instructions; a number does not depend on its place in a vector, as every operation rounds in one
way only (no `fastmath`).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phy.kernels.compiled import no_type_check
from phy.kernels.philox_tensors import COS, KEY_STEPS, LN_2, LOG, MASK, MULTIPLIERS, ROUNDS, SIN

Words = NDArray[np.uint32]
Reals = NDArray[np.float32]
#: Blocks of a chunk.
CHUNK = 1024

_U64, _U32, _I32, _F32 = np.uint64, np.uint32, np.int32, np.float32
_M0, _M1 = (_U64(m) for m in MULTIPLIERS)
_S0, _S1 = (_U64(s) for s in KEY_STEPS)
_LOW, _HALF_WORD = _U64(MASK), _U64(32)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7, _L8, _L9 = (_F32(c) for c in LOG)
_A0, _A1, _A2, _A3 = (_F32(c) for c in SIN)
_B0, _B1, _B2, _B3, _B4 = (_F32(c) for c in COS)
_LN_2, _THREE_HALVES, _HALF = _F32(LN_2), _F32(1.5), _F32(0.5)
_TO_24_BITS, _TO_QUARTERS = _F32(2.0**-24), _F32(2.0**-30)
_fast = njit(cache=True, boundscheck=False, error_model="numpy")


@_fast
@no_type_check
def fill_uniform(
    key: np.uint64, images: NDArray[np.uint64], out: Reals
) -> None:  # pragma: no cover - compiled
    """Fills `out` [batch, count] as `phy.kernels.philox.uniform` says."""
    count = out.shape[1]
    blocks = (count + 3) // 4
    counter, words = np.empty((3, CHUNK), np.uint32), np.empty((4, CHUNK), np.uint32)
    numbers = np.empty((4, CHUNK), np.float32)
    for first in range(0, len(images) * blocks, CHUNK):
        size = min(CHUNK, len(images) * blocks - first)
        _number(images, blocks, first, size, counter)
        _encrypt(key, counter, size, words)
        for j in range(4):
            _to_uniform(words[j], size, numbers[j])
        _place(numbers, blocks, first, size, out)


@_fast
@no_type_check
def fill_normal(
    key: np.uint64, images: NDArray[np.uint64], out: Reals, scale: np.float32
) -> None:  # pragma: no cover - compiled
    """Fills `out` [batch, count] as `phy.kernels.philox.normal` says; scale is twice the variance."""
    count = out.shape[1]
    blocks = (count + 3) // 4
    counter, words = np.empty((3, CHUNK), np.uint32), np.empty((4, CHUNK), np.uint32)
    numbers = np.empty((4, CHUNK), np.float32)
    for first in range(0, len(images) * blocks, CHUNK):
        size = min(CHUNK, len(images) * blocks - first)
        _number(images, blocks, first, size, counter)
        _encrypt(key, counter, size, words)
        for j in range(0, 4, 2):
            _to_normal(words[j], words[j + 1], size, scale, numbers[j], numbers[j + 1])
        _place(numbers, blocks, first, size, out)


@_fast
@no_type_check
def _number(
    images: NDArray[np.uint64], blocks: int, first: int, size: int, counter: Words
) -> None:  # pragma: no cover - compiled
    """Writes block, lower and upper word of the image for consecutive blocks of all images."""
    block_words, low_words, high_words = counter[0], counter[1], counter[2]
    row, block, i = first // blocks, first % blocks, 0
    while i < size:
        run = min(blocks - block, size - i)  # blocks of this row
        low, high = _U32(images[row] & _LOW), _U32(images[row] >> _HALF_WORD)
        for n in range(i, i + run):
            block_words[n] = _U32(block + n - i)
            low_words[n] = low
            high_words[n] = high
        row, block, i = row + 1, 0, i + run


@_fast
@no_type_check
def _encrypt(
    key: np.uint64, counter: Words, size: int, words: Words
) -> None:  # pragma: no cover - compiled
    """Ten rounds of Philox for each block."""
    block, low, high = counter[0], counter[1], counter[2]
    word_0, word_1, word_2, word_3 = words[0], words[1], words[2], words[3]
    for i in range(size):
        c0, c1, c2, c3 = _U64(block[i]), _U64(0), _U64(low[i]), _U64(high[i])
        k0, k1 = key & _LOW, key >> _HALF_WORD
        for _ in range(ROUNDS):
            p0, p1 = _M0 * c0, _M1 * c2
            c0, c2 = (p1 >> _HALF_WORD) ^ c1 ^ k0, (p0 >> _HALF_WORD) ^ c3 ^ k1
            c1, c3 = p1 & _LOW, p0 & _LOW
            k0, k1 = (k0 + _S0) & _LOW, (k1 + _S1) & _LOW
        word_0[i], word_1[i], word_2[i], word_3[i] = c0, c1, c2, c3


@_fast
@no_type_check
def _to_uniform(words: Words, size: int, out: Reals) -> None:  # pragma: no cover - compiled
    for i in range(size):
        out[i] = _F32(_I32(words[i] >> _U32(8))) * _TO_24_BITS


@_fast
@no_type_check
def _to_normal(
    first: Words, second: Words, size: int, scale: np.float32, real: Reals, imag: Reals
) -> None:  # pragma: no cover - compiled
    """Box and Muller's transform of pairs of words; see `phy.kernels.philox` for each step."""
    for i in range(size):
        odd = _U32(first[i] | _U32(1))
        k = (np.float32(_F32(odd) * _THREE_HALVES).view(np.int32) >> _I32(23)) - _I32(127)
        f = _F32(_I32(np.int64(odd) - (np.int64(1) << np.int64(k))))
        f *= np.int32((_I32(127) - k) << _I32(23)).view(np.float32)
        log = ((((_L9 * f + _L8) * f + _L7) * f + _L6) * f + _L5) * f + _L4
        log = (((log * f + _L3) * f + _L2) * f + _L1) * f + _L0
        radius = np.sqrt((_F32(_I32(32) - k) * _LN_2 - log * f) * scale)

        quarter = _U32(second[i] + _U32(2**29)) >> _U32(30)
        t = (_F32(_I32(_U32(second[i] - _U32(quarter << _U32(30))))) + _HALF) * _TO_QUARTERS
        square = t * t
        sin = (((_A3 * square + _A2) * square + _A1) * square + _A0) * t
        cos = (((_B4 * square + _B3) * square + _B2) * square + _B1) * square + _B0
        x, y = (sin, cos) if quarter & _U32(1) else (cos, sin)
        x = -x if _U32(quarter + _U32(1)) & _U32(2) else x
        y = -y if quarter & _U32(2) else y
        real[i], imag[i] = radius * x, radius * y


@_fast
@no_type_check
def _place(
    numbers: Reals, blocks: int, first: int, size: int, out: Reals
) -> None:  # pragma: no cover - compiled
    """Writes [4, size] numbers where they belong; the last block of a row may be cut off."""
    numbers_0, numbers_1, numbers_2, numbers_3 = numbers[0], numbers[1], numbers[2], numbers[3]
    row, block, i = first // blocks, first % blocks, 0
    while i < size:
        run = min(blocks - block, size - i)  # blocks of this row
        line = out[row, 4 * block :]
        whole = min(run, len(line) // 4)
        for n in range(whole):
            line[4 * n] = numbers_0[i + n]
            line[4 * n + 1] = numbers_1[i + n]
            line[4 * n + 2] = numbers_2[i + n]
            line[4 * n + 3] = numbers_3[i + n]
        for j in range(min(4 * run, len(line)) - 4 * whole):
            line[4 * whole + j] = numbers[j, i + whole]
        row, block, i = row + 1, 0, i + run
