"""The 5G LDPC codes: base graphs, lifting sizes and code dimensions (TS 38.212 clause 5.3.2).

The two tables of shifts are read from the data files of Sionna, without importing Sionna.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: Rows (parity checks) and columns (bits) of the base graphs; the first columns - rows columns are
#: information. The first two columns are punctured.
ROWS = {1: 46, 2: 42}
COLUMNS = {1: 68, 2: 52}
#: Largest number of information bits of a code block, K_cb.
MAX_BLOCK_BITS = {1: 8448, 2: 3840}
#: Smallest number of information bits of a code block.
MIN_BLOCK_BITS = 12
#: Lifting sizes: a 2^j for each odd a, in the order of the shift sets (table 5.3.2-1).
LIFTING_SETS = tuple(
    tuple(a << j for j in range(8) if a << j <= 384) for a in (2, 3, 5, 7, 9, 11, 13, 15)
)


class Graph(NamedTuple):
    """A lifted base graph as a list of edges, row after row.

    Attributes:
        start: [rows + 1] index of the first edge of each row.
        column: [edges] base-graph column of each edge, ascending within a row.
        shift: [edges] cyclic shift of each edge: check i contains bit (i + shift) mod Z.
    """

    start: NDArray[np.int64]
    column: NDArray[np.int64]
    shift: NDArray[np.int64]


@dataclass(frozen=True)
class LdpcCode:
    """An LDPC code: a base graph lifted by Z, with k information bits and fillers up to K.

    A word of the mother code has n_mother = columns Z bits: k information bits, `fillers` known
    zeros, then parity bits. The circular buffer of rate matching is this word without its first
    2 Z bits.

    Attributes:
        base_graph: 1 or 2.
        lifting: Lifting size Z_c.
        k: Number of information bits without fillers, K'.

    Raises:
        ValueError: When an attribute is not allowed.
    """

    base_graph: int
    lifting: int
    k: int

    def __post_init__(self) -> None:
        check_base_graph(self.base_graph)
        if self.lifting not in [z for row in LIFTING_SETS for z in row]:
            raise ValueError(f"lifting size {self.lifting} is not one of TS 38.212 table 5.3.2-1")
        if not 1 <= self.k <= self.k_mother:
            raise ValueError(f"k = {self.k} is not allowed, it must be 1 to {self.k_mother}")

    @classmethod
    def for_block(cls, k: int, base_graph: int = 1) -> LdpcCode:
        """Returns the code of a code block.

        Source: TS 38.212 clause 5.2.2.

        Args:
            k: Bits of the code block, its CRC included.
            base_graph: 1 or 2.

        Returns:
            The code with the smallest lifting size that fits.

        Raises:
            ValueError: When k does not fit the base graph.

        >>> code = LdpcCode.for_block(6000)
        >>> code.lifting, code.fillers, code.n_mother
        (288, 336, 19584)
        """
        check_base_graph(base_graph)
        longest = MAX_BLOCK_BITS[base_graph]
        if not MIN_BLOCK_BITS <= k <= longest:
            raise ValueError(
                f"a code block of {k} bits is not allowed on base graph {base_graph}, "
                f"it must have {MIN_BLOCK_BITS} to {longest}"
            )
        columns = used_columns(k, base_graph)
        lifting = min(z for row in LIFTING_SETS for z in row if columns * z >= k)
        return cls(base_graph, lifting, k)

    @property
    def rows(self) -> int:
        """Number of rows of the base graph."""
        return ROWS[self.base_graph]

    @property
    def columns(self) -> int:
        """Number of columns of the base graph."""
        return COLUMNS[self.base_graph]

    @property
    def info_columns(self) -> int:
        """Number of base-graph columns with information or fillers.

        >>> LdpcCode.for_block(6000, 1).info_columns, LdpcCode.for_block(600, 2).info_columns
        (22, 10)
        """
        return self.columns - self.rows

    @property
    def k_mother(self) -> int:
        """Number of information bits with fillers, K.

        >>> LdpcCode.for_block(6000).k_mother  # 22 Z
        6336
        """
        return self.info_columns * self.lifting

    @property
    def fillers(self) -> int:
        """Number of fillers: zeros behind the information bits that are not sent.

        >>> LdpcCode.for_block(6000).fillers
        336
        """
        return self.k_mother - self.k

    @property
    def n_mother(self) -> int:
        """Number of bits of the mother code, with the first 2 Z bits, which are punctured."""
        return self.columns * self.lifting

    @property
    def n_buffer(self) -> int:
        """Length N of the circular buffer, fillers included.

        >>> LdpcCode.for_block(6000).n_buffer  # 66 Z
        19008
        """
        return self.n_mother - 2 * self.lifting

    @cached_property
    def graph(self) -> Graph:
        """Edges of the lifted base graph."""
        return _lifted(self.base_graph, self.lifting)


def used_columns(k: int, base_graph: int) -> int:
    """Returns K_b, the number of information columns that determines the lifting size.

    Source: TS 38.212 clause 5.2.2.

    Args:
        k: Bits of the code block, its CRC included.
        base_graph: 1 or 2.

    >>> used_columns(500, 1), used_columns(500, 2)
    (22, 8)
    """
    if base_graph == 1:
        return 22
    return 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6


def check_base_graph(base_graph: int) -> None:
    """Checks the number of a base graph.

    Raises:
        ValueError: When it is neither 1 nor 2.
    """
    if type(base_graph) is not int or base_graph not in (1, 2):
        raise ValueError(f"base graph {base_graph!r} is not one of 1, 2")


@lru_cache(maxsize=256)
def _lifted(base_graph: int, lifting: int) -> Graph:
    rows, columns, shifts = _shift_table(base_graph)
    shift_set = next(i for i, sizes in enumerate(LIFTING_SETS) if lifting in sizes)
    start = np.searchsorted(rows, np.arange(ROWS[base_graph] + 1))
    return Graph(start.astype(np.int64), columns, shifts[:, shift_set] % lifting)


@lru_cache(maxsize=2)
def _shift_table(
    base_graph: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Reads row, column and eight shifts V of each edge (TS 38.212 tables 5.3.2-2 and 5.3.2-3)."""
    row, edges = 0, []
    with _data_file(base_graph).open(encoding="utf-8") as lines:
        for cells in list(csv.reader(lines, delimiter=";"))[2:]:
            row = (
                int(cells[0]) if cells[0] else row
            )  # Only the first edge of a row has the row index.
            edges.append([row, *map(int, cells[1:10])])
    table = np.array(edges, np.int64)
    return table[:, 0].copy(), table[:, 1].copy(), table[:, 2:].copy()


def _data_file(base_graph: int) -> Path:
    # find_spec does not import Sionna, which takes seconds and seeds torch.
    package = find_spec("sionna")
    for folder in (package.submodule_search_locations if package else None) or []:
        file = Path(folder) / "phy" / "fec" / "ldpc" / "codes" / f"5G_bg{base_graph}.csv"
        if file.is_file():
            return file
    raise ModuleNotFoundError(
        "the LDPC base graphs are read from Sionna, which was not found: pip install sionna-no-rt"
    )
