"""The OFDM resource grid: positions of the channel uses of a burst and of its pilots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

#: Name -> (shortest prefix over the useful symbol duration, symbols in a slot of
#: 15 kHz / spacing milliseconds): TS 38.211 clauses 4.3.2 and 5.3.1.
CYCLIC_PREFIXES = {"normal": (144 / 2048, 14), "extended": (512 / 2048, 12)}
#: Subcarriers of the widest NR carrier, 275 resource blocks.
MAX_SUBCARRIERS = 3300


@dataclass(frozen=True)
class OfdmGrid:
    """A grid of OFDM symbols in time and subcarriers in frequency.

    A resource element is one subcarrier of one symbol; it carries one channel use or one pilot.
    A burst fills the data elements of its first symbol from the lowest subcarrier up, then those
    of the next symbol (TS 38.211 clause 7.3.1.5: frequency first). Every symbol has pilots on
    every `pilot_spacing`-th subcarrier and on the last one, so that each data element lies between
    two. The last pilot sent is the one that closes the block in which the burst ends.

    Attributes:
        subcarriers: Number of subcarriers, for data and pilots.
        subcarrier_hz: Subcarrier spacing in hertz.
        cyclic_prefix: "normal" or "extended".
        pilot_spacing: Subcarriers from one pilot to the next, None for no pilots.

    Raises:
        ValueError: When an attribute is out of range.
    """

    subcarriers: int = 180
    subcarrier_hz: float = 15e3
    cyclic_prefix: str = "normal"
    pilot_spacing: int | None = None

    def __post_init__(self) -> None:
        if not (_whole(self.subcarriers) and 1 <= self.subcarriers <= MAX_SUBCARRIERS):
            raise ValueError(
                f"subcarriers is {self.subcarriers!r}, it must be a whole number "
                f"from 1 to {MAX_SUBCARRIERS}"
            )
        if self.cyclic_prefix not in CYCLIC_PREFIXES:
            raise ValueError(
                f"cyclic_prefix {self.cyclic_prefix!r} is not one of {', '.join(CYCLIC_PREFIXES)}"
            )
        spacing = self.pilot_spacing
        if spacing is not None and not (_whole(spacing) and 2 <= spacing < self.subcarriers):
            raise ValueError(
                f"pilot_spacing is {spacing!r}, it must be a whole number "
                f"from 2 to {self.subcarriers - 1}, fewer than the subcarriers"
            )

    @property
    def symbol_s(self) -> float:
        """Time in seconds from one OFDM symbol to the next, averaged over a slot.

        >>> round(14e6 * OfdmGrid().symbol_s)  # 14 symbols in a slot of 1 ms
        1000
        """
        return 15.0 / self.subcarrier_hz / CYCLIC_PREFIXES[self.cyclic_prefix][1]

    @property
    def cyclic_prefix_s(self) -> float:
        """Shortest cyclic prefix of a slot, in seconds.

        >>> round(1e9 * OfdmGrid().cyclic_prefix_s)
        4688
        """
        return CYCLIC_PREFIXES[self.cyclic_prefix][0] / self.subcarrier_hz

    @cached_property
    def frequencies_hz(self) -> NDArray[np.float64]:
        """[subcarriers] frequencies relative to the carrier, in hertz.

        >>> OfdmGrid(subcarriers=4).frequencies_hz
        array([-30000., -15000.,      0.,  15000.])
        """
        place = np.arange(self.subcarriers, dtype=np.float64)
        return (place - self.subcarriers // 2) * self.subcarrier_hz

    @cached_property
    def pilots(self) -> NDArray[np.int64]:
        """Subcarriers that carry pilots.

        >>> OfdmGrid(subcarriers=8, pilot_spacing=3).pilots
        array([0, 3, 6, 7])
        """
        if self.pilot_spacing is None:
            return np.zeros(0, np.int64)
        every = np.arange(0, self.subcarriers, self.pilot_spacing, dtype=np.int64)
        return np.union1d(every, [self.subcarriers - 1])

    @cached_property
    def data(self) -> NDArray[np.int64]:
        """Subcarriers that carry channel uses of a burst.

        >>> OfdmGrid(subcarriers=8, pilot_spacing=3).data
        array([1, 2, 4, 5])
        """
        return np.setdiff1d(np.arange(self.subcarriers, dtype=np.int64), self.pilots)

    def data_elements(self, uses: int) -> NDArray[np.int64]:
        """Returns the element of each use of a burst; elements count symbol after symbol.

        Args:
            uses: Complex channel uses of the burst.

        Returns:
            [uses] indices.

        >>> OfdmGrid(subcarriers=4, pilot_spacing=3).data_elements(3)
        array([1, 2, 5])
        """
        symbol, place = np.divmod(np.arange(uses, dtype=np.int64), len(self.data))
        return symbol * self.subcarriers + self.data[place]

    def extent(self, uses: int) -> int:
        """Returns how many elements lie between the start of a burst and its last data or pilot.

        Args:
            uses: Complex channel uses of the burst.

        >>> OfdmGrid(pilot_spacing=12).extent(1), OfdmGrid(pilot_spacing=12).extent(12)
        (13, 25)
        """
        if uses == 0:
            return 0
        last = int(self.data_elements(uses)[-1])
        ahead = self.pilots[np.searchsorted(self.pilots, last % self.subcarriers) :]
        return (last if len(ahead) == 0 else last - last % self.subcarriers + int(ahead[0])) + 1

    def pilot_elements(self, uses: int) -> NDArray[np.int64]:
        """Returns the element of each pilot of a burst; elements count symbol after symbol.

        Args:
            uses: Complex channel uses of the burst.

        Returns:
            [pilots] indices.

        >>> OfdmGrid(subcarriers=4, pilot_spacing=3).pilot_elements(3)
        array([0, 3, 4, 7])
        """
        extent = self.extent(uses)
        symbols = np.arange(-(-extent // self.subcarriers), dtype=np.int64)
        elements = (symbols[:, None] * self.subcarriers + self.pilots).ravel()
        return elements[elements < extent]


def whole_blocks(bandwidth_hz: float, subcarrier_hz: float) -> int:
    """Returns the number of subcarriers in the resource blocks that fill 90 % of a band.

    The rest is guard band, as in TS 36.101 table 5.6-1. A resource block has 12 subcarriers; the
    result is at least one block.

    Args:
        bandwidth_hz: Bandwidth in hertz.
        subcarrier_hz: Subcarrier spacing in hertz.

    >>> whole_blocks(3e6, 15e3), whole_blocks(20e6, 15e3)
    (180, 1200)
    """
    return max(12 * int(0.9 * bandwidth_hz / (12 * subcarrier_hz) + 1e-9), 12)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
