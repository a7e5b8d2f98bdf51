"""Modulation and coding schemes of TS 38.214 clause 5.1.3.1, up to 64-QAM.

The table combines two tables of the standard: the six rows of table 5.1.3.1-3 (low spectral
efficiency) that table 5.1.3.1-1 lacks, then all rows of table 5.1.3.1-1.
"""

from __future__ import annotations

from dataclasses import dataclass

from phy.modulation import Modulation

#: Denominator of the target code rates in the standard.
RATE_UNIT = 1024


@dataclass(frozen=True)
class Mcs:
    """Modulation and target code rate of a transport block at its first transmission.

    Attributes:
        index: Row of `MCS_TABLE`, in the order of the tables of the standard.
        modulation: Name of the constellation, see `Modulation`.
        rate_1024: Target code rate times 1024.

    >>> MCS_TABLE[0].spectral_efficiency, MCS_TABLE[-1].spectral_efficiency
    (0.0586, 5.5547)
    """

    index: int
    modulation: str
    rate_1024: int

    @property
    def rate(self) -> float:
        """Target code rate R.

        >>> Mcs(0, "qpsk", 512).rate
        0.5
        """
        return self.rate_1024 / RATE_UNIT

    @property
    def bits_per_symbol(self) -> int:
        """Modulation order Q_m."""
        return Modulation(self.modulation).bits_per_symbol

    @property
    def spectral_efficiency(self) -> float:
        """Spectral efficiency Q_m R in bits per channel use, rounded as in the standard.

        >>> Mcs(0, "16qam", 616).spectral_efficiency
        2.4062
        """
        return round(self.bits_per_symbol * self.rate, 4)


#: Target code rates times 1024 by modulation, in ascending order of the index.
_RATES_1024: dict[str, tuple[int, ...]] = {
    # 30 to 99: table 5.1.3.1-3, indices 0 to 5; from 120 on table 5.1.3.1-1, indices 0 to 9
    "qpsk": (30, 40, 50, 64, 78, 99, 120, 157, 193, 251, 308, 379, 449, 526, 602, 679),
    "16qam": (340, 378, 434, 490, 553, 616, 658),
    "64qam": (438, 466, 517, 567, 616, 666, 719, 772, 822, 873, 910, 948),
}
MCS_TABLE: tuple[Mcs, ...] = tuple(
    Mcs(index, modulation, rate)
    for index, (modulation, rate) in enumerate(
        (modulation, rate) for modulation, rates in _RATES_1024.items() for rate in rates
    )
)
