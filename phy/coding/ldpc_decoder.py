"""LDPC decoding: two decoders with one interface.

    decode(llr [blocks, n_mother], code, iterations) -> bits [blocks, k], converged [blocks]

The LLRs are a soft buffer of `phy.coding.rate_matching`: a positive LLR means 0, zero means not
received, +inf means a filler. Both decoders omit each parity check whose own parity bit was not
received, because such a check carries no information.

- `NumbaDecoder`: layered normalized min-sum on 16-bit integers on all cores. A block stops when all
  its parity checks hold. The default on a CPU.
- `SionnaDecoder`: flooding sum-product of Sionna in floating point on any device. The reference.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, cast, final, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from phy.coding.crc import Bits
from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_encoder import syndrome
from phy.coding.ldpc_kernel import decode_at_once, decode_in_turn
from phy.coding.rate_matching import Llrs

DECODERS = ("numba", "sionna")

#: Clipping magnitude of LLRs before sum-product, as in the decoder of Sionna.
_SIONNA_LLR_MAX = 20.0


class Decoded(NamedTuple):
    """The result of a decoder.

    Attributes:
        bits: [blocks, k] uint8 hard decisions, without fillers.
        converged: [blocks] bool, whether all parity checks hold and every information bit is
            decided. A block that has not converged may be correct; its CRC decides.
    """

    bits: Bits
    converged: NDArray[np.bool_]


@runtime_checkable
class Decoder(Protocol):
    """The interface of a decoder."""

    def __call__(self, llr: Llrs, code: LdpcCode, iterations: int = 20) -> Decoded:
        """Decodes soft buffers of one code.

        Args:
            llr: [blocks, n_mother] soft buffers.
            code: LDPC code.
            iterations: Largest number of iterations.

        Returns:
            Decisions and convergence of each block.

        Raises:
            ValueError: When the shape or the number of iterations is not allowed.
        """
        ...


@final
class NumbaDecoder:
    """Layered normalized min-sum (factor 3/4) on 16-bit integers, one block per task.

    >>> code = LdpcCode.for_block(100, 2)
    >>> NumbaDecoder()(np.ones((1, code.n_mother), np.float32), code).converged
    array([ True])
    """

    def __call__(self, llr: Llrs, code: LdpcCode, iterations: int = 20) -> Decoded:
        """Decodes soft buffers; see `Decoder`."""
        _check(llr, code, iterations)
        words = np.zeros((len(llr), code.k_mother), np.uint8)
        converged = np.zeros(len(llr), np.bool_)
        llr = np.ascontiguousarray(llr, np.float32)
        # Starting threads takes longer than decoding one block.
        decode_all = decode_in_turn if len(llr) == 1 else decode_at_once
        decode_all(
            llr, words, converged, iterations, *code.graph, code.lifting
        )  # fmt: skip
        return Decoded(words[:, : code.k], converged)


@final
class SionnaDecoder:
    """Flooding sum-product of Sionna ("boxplus-phi").

    Args:
        device: Device to compute on, "cpu" or a GPU with its number such as "cuda:0".
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self._decoders: dict[tuple[object, ...], Any] = {}

    def __call__(self, llr: Llrs, code: LdpcCode, iterations: int = 20) -> Decoded:
        """Decodes soft buffers; see `Decoder`."""
        import torch

        _check(llr, code, iterations)
        rows = _useful_rows(llr, code)
        columns = _useful_columns(rows, code)
        # The logits of Sionna are ln p(1) / p(0).
        known = np.clip(llr[:, columns], -_SIONNA_LLR_MAX, _SIONNA_LLR_MAX)
        logits = torch.from_numpy(-known).to(self.device)
        posterior = self._decoder(code, rows, columns)(logits, num_iter=iterations).cpu().numpy()
        words = np.zeros(llr.shape, np.uint8)
        words[:, columns] = posterior > 0
        checks = syndrome(words, code).reshape(len(llr), code.rows, -1)[:, rows]
        decided = (posterior[:, : code.k_mother] != 0).all(axis=1)
        converged = decided & ~checks.any(axis=(1, 2))
        return Decoded(words[:, : code.k], converged)

    def _decoder(self, code: LdpcCode, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Any:
        """Returns the decoder of the pruned graph, which is kept for the next call."""
        key = (code.base_graph, code.lifting, rows.tobytes())
        if key not in self._decoders:
            from phy.sionna_import import import_sionna

            matrix = parity_check_matrix(code)
            checks = (rows[:, None] * code.lifting + np.arange(code.lifting)).ravel()
            self._decoders[key] = import_sionna("fec.ldpc").LDPCBPDecoder(
                matrix[checks][:, columns], hard_out=False, llr_max=_SIONNA_LLR_MAX,
                device=self.device,
            )  # fmt: skip
        return self._decoders[key]


def make_decoder(name: str, device: str = "cpu") -> Decoder:
    """Returns a decoder by its name.

    Args:
        name: "numba" or "sionna".
        device: Device of the decoder "sionna"; "numba" runs on the CPU.

    Raises:
        ValueError: When the name is unknown.

    >>> type(make_decoder("numba")).__name__
    'NumbaDecoder'
    """
    if name == "numba":
        return NumbaDecoder()
    if name == "sionna":
        return SionnaDecoder(device)
    raise ValueError(f"LDPC decoder {name!r} is not one of {', '.join(DECODERS)}")


def parity_check_matrix(code: LdpcCode) -> Any:
    """Returns the parity-check matrix [rows Z, n_mother] as a sparse matrix of scipy.

    >>> parity_check_matrix(LdpcCode.for_block(100, 2)).shape
    (756, 936)
    """
    from scipy import sparse

    z, graph = code.lifting, code.graph
    row = np.repeat(np.arange(code.rows), np.diff(graph.start))
    check = np.arange(z)
    i = (row[:, None] * z + check).ravel()
    j = (graph.column[:, None] * z + (check + graph.shift[:, None]) % z).ravel()
    shape = (code.rows * z, code.n_mother)
    matrix: Any = sparse.csr_matrix  # scipy.sparse has no types.
    return matrix((np.ones(len(i), np.uint8), (i, j)), shape)


def _check(llr: Llrs, code: LdpcCode, iterations: int) -> None:
    if llr.ndim != 2 or llr.shape[1] != code.n_mother:
        raise ValueError(f"LLRs have shape {llr.shape}, they must be [blocks, {code.n_mother}]")
    if iterations < 1:
        raise ValueError(f"{iterations} iterations are not allowed, there must be at least 1")


def _useful_rows(llr: Llrs, code: LdpcCode) -> NDArray[np.int64]:
    """Returns the rows to keep: the first four, and those whose parity bits were received."""
    columns = llr.reshape(len(llr), code.columns, code.lifting)
    useful = np.array([columns[:, c].any() for c in range(code.info_columns, code.columns)])
    useful[:4] = True
    return cast("NDArray[np.int64]", np.flatnonzero(useful))


def _useful_columns(rows: NDArray[np.int64], code: LdpcCode) -> NDArray[np.int64]:
    """Returns the bits of the word that the kept rows contain."""
    kept = np.concatenate([np.arange(code.info_columns), code.info_columns + rows])
    return (kept[:, None] * code.lifting + np.arange(code.lifting)).ravel()
