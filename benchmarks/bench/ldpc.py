"""The LDPC decoder, beside Sionna's and under the roof of the first-level cache."""

from __future__ import annotations

import numpy as np

from benchmarks.bench.entry import Case, entry
from benchmarks.ldpc_speed import CASES, CODE, ITERATIONS, Frames, K, receive, sionna_decoder
from phy.coding.ldpc_decoder import NumbaDecoder

#: Bytes of an edge and check in one iteration: P, R and T are read, T, R and twice P are written,
#: 16 bits each (`phy.coding.ldpc_kernel`).
EDGE_BYTES = 7 * 2


@entry("LDPC")
def ldpc(small: bool) -> Case:
    """The compiled decoder and Sionna's, each at a block error rate of about 1 %."""
    rvs, own_db, sionna_db = CASES["rv 0"]
    frames, few = receive(rvs, own_db, 8 if small else 64), receive(rvs, sionna_db, 8)
    decoder, sionna = NumbaDecoder(), sionna_decoder(rvs)
    iterations = mean_iterations(frames)

    def reference() -> None:
        for _ in range(len(frames.bits) // len(few.bits)):
            sionna(few)

    return Case(
        work=lambda: decoder(frames.buffer, CODE, ITERATIONS),
        reference=reference,
        measures=f"LDPC decoder, k = {K}, BLER about 1 %, {iterations:.1f} iterations",
        against="Sionna's decoder at its own SNR of that BLER",
        amount=float(frames.bits.size),
        unit="bit",
        cached=len(frames.bits) * iterations * bytes_per_iteration(frames),
        rounds=3,
    )


def mean_iterations(frames: Frames) -> float:
    """Returns the iterations of a block, averaged: each count has the blocks that need more."""
    decoder = NumbaDecoder()
    waiting = [
        1.0 - float(decoder(frames.buffer, CODE, most).converged.mean())
        for most in range(1, ITERATIONS)
    ]
    return 1.0 + sum(waiting)


def bytes_per_iteration(frames: Frames) -> float:
    """Returns the bytes that one iteration over the active rows of a block must move."""
    columns = frames.buffer[0].reshape(CODE.columns, CODE.lifting)
    received = np.any(columns != 0, axis=1)[CODE.info_columns :]
    active = received | (np.arange(CODE.rows) < 4)
    edges = int(np.diff(CODE.graph.start)[active].sum())
    return float(EDGE_BYTES * edges * CODE.lifting)
