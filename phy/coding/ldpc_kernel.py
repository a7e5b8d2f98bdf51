"""The compiled kernel of the LDPC decoder: layered normalized min-sum on one block.

    posterior P[column], message R[edge];     for each row, for each of its Z checks at once:
        T = P - R                     extrinsic LLRs, without this check
        R = 3/4 x (smallest other |T|) x (product of the other signs)
        P = T + R

All values are 16-bit integers, and all loops over Z are vectors. A column is stored in the rotation
of the last row that updated it, so that only differences of shifts are needed. A column is stored
twice in succession, so that a rotated read does not wrap around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray

from phy.coding import saturating_arithmetic as sat
from phy.coding.row_update import LANES, update_row
from phy.kernels.compiled import no_type_check

Ints = NDArray[np.int64]
Narrow = NDArray[np.int16]
#: Largest magnitude of an LLR.
_LARGEST = 32767
#: Unsigned indices need no test for negative values, which would prevent vectorization.
U: Any = np.uint64
#: Mean magnitude of the quantized LLRs at rate r: 6 + 600 max(0, r - 0.3)^2, from simulations at
#: rates 1/5 to 0.92 over AWGN and Rayleigh fading. A coarse step improves min-sum at low rates:
#: messages below one and a half steps vanish, which corrects its overconfidence. At high rates a
#: coarse step degrades it, most of all in fading; for this reason the integers have 16 bits.
_LEAST_MEAN, _LOW_RATE, _MEAN_RISE = 6.0, 0.3, 600.0
#: Largest number of edges of a row of either base graph.
_LONGEST_ROW = 19
_fast = njit(cache=True, boundscheck=False, error_model="numpy")


# Reordered sums can be vectorized; infinities keep their meaning.
@njit(cache=True, boundscheck=False, fastmath={"reassoc", "nsz"})
@no_type_check
def load(
    llr: NDArray[np.float32],
    posterior: Narrow,
    scratch: Narrow,
    info_columns: int,
    z: int,
    stride: int,
) -> NDArray[np.bool_]:  # pragma: no cover - compiled
    """Quantizes a block's LLRs [columns Z] into `posterior` [columns stride].

    Min-sum is invariant to scale, so each block is scaled to a mean magnitude over its received
    bits; fillers do not count. The lower the rate, the more messages are summed in a posterior, and
    the more headroom it needs above the mean.

    Args:
        llr: [columns Z] soft buffer of a block.
        posterior: [columns stride] int16 output, each column stored twice.
        scratch: [Z] int16 or longer, overwritten.
        info_columns: Number of information columns.
        z: Lifting size Z.
        stride: Distance of two columns in `posterior`, at least 2 Z.

    Returns:
        [columns] whether any bit of the column was received.
    """
    columns, size = len(llr) // z, U(z)
    received = np.zeros(columns, np.bool_)
    k = info_columns * z
    while k > 0 and llr[k - 1] == np.inf:
        k -= 1
    none, one = np.float32(0.0), np.float32(1.0)
    total, count = none, none
    for column in range(columns):
        first = U(column * z)
        # Fillers are at the end of a column, behind the information bits.
        real = U(max(0, min(z, k - column * z)) if column < info_columns else z)
        magnitudes, seen = none, none
        for i in range(real):
            magnitudes += abs(llr[first + i])
            seen += np.float32(llr[first + i] != none)
        received[column] = seen > none or real < size
        total += magnitudes
        count += seen
    scale = one
    if total > none:
        excess = max(0.0, k / float(count) - _LOW_RATE)
        mean = _LEAST_MEAN + _MEAN_RISE * excess**2
        scale = np.float32(mean) * count / total
    limit, half = np.float32(_LARGEST), np.float32(0.5)
    for column in range(columns):
        if received[column]:
            first, to = U(column * z), U(column * stride)
            for i in range(size):
                value = min(max(llr[first + i] * scale, -limit), limit)
                scratch[i] = value + (half if value > none else -half)
            for i in range(size):
                posterior[to + i] = scratch[i]
            for i in range(size):
                posterior[to + size + i] = scratch[i]
    return received


@_fast
@no_type_check
def _turn(shift: int, rotation: int, z: int) -> int:  # pragma: no cover - compiled
    """Returns (shift - rotation) modulo z without a division."""
    turn = shift - rotation
    return turn if turn >= 0 else turn + z


@_fast
@no_type_check
def _satisfied(
    posterior: Narrow, rotation: Ints, active: Ints, start: Ints, column: Ints, shift: Ints, z: int,
    stride: int, sign: Narrow,
) -> bool:  # fmt: skip  # pragma: no cover - compiled
    """Returns whether the hard decisions satisfy every active check; stops at the first failure."""
    size = U(z)
    for row in active:
        for i in range(size):
            sign[i] = 0
        for e in range(start[row], start[row + 1]):
            c = column[e]
            p = U(c * stride + _turn(shift[e], rotation[c], z))
            for i in range(size):
                sign[i] = sat.exclusive_or(sign[i], posterior[p + i])
        lowest = sign[0]
        for i in range(size):
            lowest = min(lowest, sign[i])
        if lowest < 0:
            return False
    return True


@_fast
@no_type_check
def _iterate(
    posterior: Narrow, messages: Narrow, scratch: Narrow, read: Ints, write: Ints,
    rotation: Ints, first: int, stop: int, column: Ints, shift: Ints, z: int, stride: int,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Updates one row of the base graph, which has the edges first to stop - 1."""
    for e in range(first, stop):
        c = column[e]
        write[e - first] = c * stride
        read[e - first] = c * stride + _turn(shift[e], rotation[c], z)
        rotation[c] = shift[e]
    checks = -(-z // LANES) * LANES
    update_row(posterior, messages, scratch, read, write, stop - first, checks, z)


@_fast
@no_type_check
def decode_block(
    llr: NDArray[np.float32], words: NDArray[np.uint8], iterations: int,
    start: Ints, column: Ints, shift: Ints, z: int,
) -> bool:  # fmt: skip  # pragma: no cover - compiled
    """Decodes one block.

    Args:
        llr: [columns Z] soft buffer.
        words: [info_columns Z] uint8 output, the decided information bits with fillers.
        iterations: Largest number of iterations.
        start: Index of the first edge of each row, see `Graph`.
        column: Column of each edge.
        shift: Cyclic shift of each edge.
        z: Lifting size Z.

    Returns:
        Whether all checks hold and every information bit is decided.
    """
    rows, columns = len(start) - 1, len(llr) // z
    info_columns = columns - rows
    checks = -(-z // LANES) * LANES
    # Surplus checks read and write behind the second copy of a column.
    stride = 2 * z + LANES
    posterior = np.zeros(columns * stride, np.int16)
    scratch = np.empty((_LONGEST_ROW + 3) * checks, np.int16)
    read, write = np.empty(_LONGEST_ROW, np.int64), np.empty(_LONGEST_ROW, np.int64)
    rotation = np.zeros(columns, np.int64)
    received = load(llr, posterior, scratch, info_columns, z, stride)
    # A row after the fourth has a parity column of its own and is useless without it.
    active = np.array([r for r in range(rows) if r < 4 or received[info_columns + r]])
    edges = 0
    for row in active:
        edges += start[row + 1] - start[row]
    messages = np.zeros(edges * checks, np.int16)
    converged = False
    for _ in range(iterations):
        place = 0
        for row in active:
            first, stop = start[row], start[row + 1]
            _iterate(
                posterior, messages[place:], scratch, read, write, rotation, first, stop,
                column, shift, z, stride,
            )  # fmt: skip
            place += (stop - first) * checks
        if _satisfied(posterior, rotation, active, start, column, shift, z, stride, scratch):
            converged = True
            break
    for c in range(info_columns):
        p = U(c * stride + _turn(0, rotation[c], z))
        undecided = np.uint8(0)
        for i in range(U(z)):
            value = posterior[p + i]
            words[U(c * z) + i] = value < 0
            undecided |= np.uint8(value == 0)
        converged = converged and undecided == 0
    return converged


@no_type_check
def _decode_all(
    llr: NDArray[np.float32], words: NDArray[np.uint8], converged: NDArray[np.bool_],
    iterations: int, start: Ints, column: Ints, shift: Ints, z: int,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Decodes each block."""
    for block in prange(len(llr)):
        converged[block] = decode_block(
            llr[block], words[block], iterations, start, column, shift, z
        )


decode_at_once: Callable[..., None] = njit(cache=True, parallel=True)(_decode_all)
decode_in_turn: Callable[..., None] = njit(cache=True)(_decode_all)
