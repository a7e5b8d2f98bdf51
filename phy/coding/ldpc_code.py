"""The 5G LDPC codes: base graphs, lifting sizes and code dimensions (TS 38.212 clause 5.3.2).

The two tables of shifts are read from the data files of Sionna, without importing it.
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

#: Rows (parity checks) and columns (bits) of the base graphs; the rest of the columns are
#: information. The first two columns are never sent.
ROWS = {1: 46, 2: 42}
COLUMNS = {1: 68, 2: 52}
#: Most information bits of one code block, K_cb.
MAX_BLOCK_BITS = {1: 8448, 2: 3840}
#: Fewest information bits of one code block: the smallest payload, 8 bits, with its CRC.
MIN_BLOCK_BITS = 12
#: Lifting sizes: a 2^j for each odd a, in the order of the shift sets (table 5.3.2-1).
LIFTING_SETS = tuple(
    tuple(a << j for j in range(8) if a << j <= 384) for a in (2, 3, 5, 7, 9, 11, 13, 15)
)


class Graph(NamedTuple):
    """A lifted base graph, row after row.

    Attributes:
        start: [rows + 1] where the edges of each row start.
        column: [edges] base-graph column of each edge, rising within a row.
        shift: [edges] right shift of the edge's identity: check i meets bit (i + shift) mod Z.
    """

    start: NDArray[np.int64]
    column: NDArray[np.int64]
    shift: NDArray[np.int64]


@dataclass(frozen=True)
class LdpcCode:
    """One code: a base graph lifted by Z, with k information bits and fillers up to K.

    A word of the mother code has n_mother = columns Z bits: k information bits, `fillers` known
    zeros, then parity. The circular buffer of rate matching is that word without its first 2 Z.

    Attributes:
        base_graph: 1 or 2.
        lifting: Z_c.
        k: Information bits without fillers, K'.
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
        """The code of a code block of k bits (TS 38.212 clause 5.2.2).

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
        """Rows of the base graph."""
        return ROWS[self.base_graph]

    @property
    def columns(self) -> int:
        """Columns of the base graph."""
        return COLUMNS[self.base_graph]

    @property
    def info_columns(self) -> int:
        """Base-graph columns that carry information or fillers: 22 or 10."""
        return self.columns - self.rows

    @property
    def k_mother(self) -> int:
        """Information bits with fillers, K."""
        return self.info_columns * self.lifting

    @property
    def fillers(self) -> int:
        """Known zeros after the information, never sent."""
        return self.k_mother - self.k

    @property
    def n_mother(self) -> int:
        """Bits of the mother code, with the first 2 Z that are never sent."""
        return self.columns * self.lifting

    @property
    def n_buffer(self) -> int:
        """Length N of the circular buffer, fillers included."""
        return self.n_mother - 2 * self.lifting

    @cached_property
    def graph(self) -> Graph:
        """The lifted base graph."""
        return _lifted(self.base_graph, self.lifting)


def used_columns(k: int, base_graph: int) -> int:
    """K_b, the information columns that the choice of Z counts on (TS 38.212 clause 5.2.2).

    >>> used_columns(500, 1), used_columns(500, 2)
    (22, 8)
    """
    if base_graph == 1:
        return 22
    return 10 if k > 640 else 9 if k > 560 else 8 if k > 192 else 6


def check_base_graph(base_graph: int) -> None:
    """Raises ValueError unless the base graph is 1 or 2."""
    if base_graph not in (1, 2):
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
    """Row, column and the eight shifts V of each edge: TS 38.212 tables 5.3.2-2 and 5.3.2-3."""
    row, edges = 0, []
    with _data_file(base_graph).open(encoding="utf-8") as lines:
        for cells in list(csv.reader(lines, delimiter=";"))[2:]:
            row = int(cells[0]) if cells[0] else row  # A row index stands on its first edge only.
            edges.append([row, *map(int, cells[1:10])])
    table = np.array(edges, np.int64)
    return table[:, 0].copy(), table[:, 1].copy(), table[:, 2:].copy()


def _data_file(base_graph: int) -> Path:
    # find_spec does not run Sionna: importing it takes seconds and re-seeds torch.
    package = find_spec("sionna")
    for folder in (package.submodule_search_locations if package else None) or []:
        file = Path(folder) / "phy" / "fec" / "ldpc" / "codes" / f"5G_bg{base_graph}.csv"
        if file.is_file():
            return file
    raise ModuleNotFoundError(
        "the LDPC base graphs are read from Sionna, which was not found: pip install sionna-no-rt"
    )
