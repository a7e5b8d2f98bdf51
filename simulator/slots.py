"""Time slots: how many channel uses and how many features one slot carries."""

from __future__ import annotations

from dataclasses import dataclass

from phy.snr import noise_variance, shannon_bits_per_use, snr_from_db

#: A feature is counted as a double, SMSC-FIR section 3.1.
BITS_PER_FEATURE = 64
#: Channel uses of the longest slot, far beyond any that fits into memory.
MOST_USES = 1e12
#: Features in f.
LENGTH = 1024


@dataclass(frozen=True)
class Slot:
    """One time slot at one SNR, as transmitter and receiver both know it.

    Attributes:
        snr_db: Average Es/N0 per complex channel use.
        slot_s: T in seconds.
        bandwidth_hz: W in hertz.
    """

    snr_db: float
    slot_s: float
    bandwidth_hz: float

    def __post_init__(self) -> None:
        for name, value in (("slot length T", self.slot_s), ("bandwidth W", self.bandwidth_hz)):
            if not value > 0:
                raise ValueError(f"{name} is {value}, it must be positive")
        if not 1 <= self.slot_s * self.bandwidth_hz + 1e-6 <= MOST_USES:
            raise ValueError(
                f"a slot of T W = {self.slot_s * self.bandwidth_hz:g} channel uses is not allowed, "
                f"it must have 1 to {MOST_USES:g}"
            )

    @property
    def snr(self) -> float:
        """Linear SNR."""
        return snr_from_db(self.snr_db)

    @property
    def no(self) -> float:
        """Variance of the complex noise per channel use."""
        return noise_variance(self.snr_db)

    @property
    def uses(self) -> int:
        """T W, the complex channel uses of the slot."""
        return int(self.slot_s * self.bandwidth_hz + 1e-6)

    @property
    def features(self) -> int:
        """B = floor(T W log2(1 + SNR) / 64), clipped to [1, L] (SMSC-FIR section 3.1).

        >>> [Slot(snr_db, 1e-3, 20e6).features for snr_db in range(-6, 9, 2)]
        [101, 151, 220, 312, 428, 566, 723, 896]
        """
        bits = self.slot_s * self.bandwidth_hz * shannon_bits_per_use(self.snr)
        return min(max(int(bits / BITS_PER_FEATURE + 1e-9), 1), LENGTH)
