"""The compiled update of rows against the same arithmetic in numpy, bit for bit, at any Z."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_decoder import NumbaDecoder
from phy.coding.ldpc_kernel import load
from phy.coding.row_update import LANES

Ints = NDArray[np.int64]


def saturated(values: Ints) -> Ints:
    return values.clip(-32768, 32767)


def plain_decoder(llr: NDArray[np.float32], code: LdpcCode, iterations: int) -> tuple[Ints, bool]:
    """Layered normalized min-sum as `phy.coding.ldpc_kernel` states it; decides as it does."""
    z, graph = code.lifting, code.graph
    stored = np.zeros(code.columns * 2 * z, np.int16)
    received = load(llr, stored, np.empty(z, np.int16), code.info_columns, z, 2 * z)
    posterior = stored.reshape(code.columns, 2 * z)[:, :z].astype(np.int64)
    rows = [r for r in range(code.rows) if r < 4 or received[code.info_columns + r]]
    messages = np.zeros((len(graph.column), z), np.int64)
    check = np.arange(z)

    def hard(row: int, values: Ints) -> list[NDArray[np.bool_]]:
        edges = range(graph.start[row], graph.start[row + 1])
        return [values[graph.column[e], (check + graph.shift[e]) % z] < 0 for e in edges]

    for _ in range(iterations):
        for row in rows:
            edges = range(graph.start[row], graph.start[row + 1])
            bits = [(graph.column[e], (check + graph.shift[e]) % z) for e in edges]
            extrinsic = np.array(
                [saturated(posterior[b] - messages[e]) for e, b in zip(edges, bits, strict=True)]
            )
            magnitude = abs(extrinsic)
            for i, (e, b) in enumerate(zip(edges, bits, strict=True)):
                others = np.delete(np.arange(len(bits)), i)
                least = np.minimum(magnitude[others].min(0), 32767)
                negative = (extrinsic[others] < 0).sum(0) % 2
                messages[e] = (least - (least + 3) // 4) * (1 - 2 * negative)
                posterior[b] = saturated(extrinsic[i] + messages[e])
        if all(not np.bitwise_xor.reduce(hard(row, posterior)).any() for row in rows):
            decided = posterior[: code.info_columns].ravel()
            return decided[: code.k] < 0, bool((decided != 0).all())
    return posterior[: code.info_columns].ravel()[: code.k] < 0, False


#: Lifting sizes around whole vectors, the least, the largest, and odd ones.
@pytest.mark.parametrize("z", [2, 7, 15, 30, LANES, 36, 60, 2 * LANES, 72, 104])
@pytest.mark.parametrize("graph", [1, 2])
def test_a_block_is_decoded_as_in_plain_numpy(graph: int, z: int) -> None:
    columns = 22 if graph == 1 else 10
    code = LdpcCode(graph, z, columns * z)
    rng = np.random.default_rng(z)
    llr = rng.normal(1.0, 1.2, (4, code.n_mother)).astype(np.float32)
    llr[:, : 2 * z] = 0  # punctured
    llr[1] *= 3000  # saturates
    llr[2, 30 * z :] = 0  # a high rate leaves rows out
    for iterations in (1, 2, 6):
        found = NumbaDecoder()(llr, code, iterations)
        for block in range(len(llr)):
            bits, converged = plain_decoder(llr[block], code, iterations)
            assert np.array_equal(found.bits[block], bits), (iterations, block)
            assert found.converged[block] == converged
