"""Time slots: channel uses and features of one slot."""

from __future__ import annotations

from dataclasses import dataclass

from phy.snr import noise_variance, shannon_bits_per_use, snr_from_db
from semantic.conventions import CODED_FEATURES
from semantic.suggest import nearest

#: Bits that a feature counts, a double (SMSC-FIR section 3.1).
BITS_PER_FEATURE = 64
#: Channel uses of the longest slot, far beyond what fits into memory.
MOST_USES = 1e12
#: Limits that all schemes of a comparison share (docs/model.md).
BUDGETS = ("slots", "uses")


@dataclass(frozen=True)
class Slot:
    """One time slot at one SNR; both ends know it.

    Attributes:
        snr_db: Average Es/N0 per complex channel use, in dB.
        slot_s: T in seconds.
        bandwidth_hz: W in hertz.
        budget: "slots", a scheme may fill all T W channel uses, or "uses", as many as features.
        csit_snr_db: SNR in dB that was reported to the transmitter. Both ends derive the features of
            a slot, and all else that they adapt, from it; None for the true SNR.

    Raises:
        ValueError: If T, W or their product is out of range, or the budget is unknown.
    """

    snr_db: float
    slot_s: float
    bandwidth_hz: float
    budget: str = "slots"
    csit_snr_db: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("slot length T", self.slot_s), ("bandwidth W", self.bandwidth_hz)):
            if not value > 0:
                raise ValueError(f"{name} is {value}, it must be positive")
        if not 1 <= self.slot_s * self.bandwidth_hz + 1e-6 <= MOST_USES:
            raise ValueError(
                f"a slot of T W = {self.slot_s * self.bandwidth_hz:g} channel uses is not allowed, "
                f"it must have 1 to {MOST_USES:g}"
            )
        if self.budget not in BUDGETS:
            hint = nearest(str(self.budget), BUDGETS)
            raise ValueError(f"unknown budget {self.budget!r}: {hint}")

    @property
    def snr(self) -> float:
        """Linear SNR."""
        return snr_from_db(self.snr_db)

    @property
    def bits_per_use(self) -> float:
        """log2(1 + SNR), the bits that a channel use counts at the true SNR."""
        return float(shannon_bits_per_use(self.snr))

    @property
    def reported_snr_db(self) -> float:
        """CSIT: the average SNR in dB as the transmitter knows it."""
        return self.snr_db if self.csit_snr_db is None else self.csit_snr_db

    @property
    def no(self) -> float:
        """Variance of the complex noise per channel use."""
        return noise_variance(self.snr_db)

    @property
    def resources(self) -> int:
        """Complex channel uses of the slot, T W."""
        return int(self.slot_s * self.bandwidth_hz + 1e-6)

    @property
    def uses(self) -> int:
        """Complex channel uses that a scheme may fill: T W, or B with budget "uses"."""
        return self.features if self.budget == "uses" else self.resources

    @property
    def features(self) -> int:
        """B = floor(T W log2(1 + SNR) / 64), clipped to [1, L] (SMSC-FIR section 3.1).

        The SNR is the reported one.

        >>> [Slot(snr_db, 1e-3, 20e6).features for snr_db in range(-6, 9, 2)]
        [101, 151, 220, 312, 428, 566, 723, 896]
        """
        snr = snr_from_db(self.reported_snr_db)
        bits = self.slot_s * self.bandwidth_hz * shannon_bits_per_use(snr)
        return min(max(int(bits / BITS_PER_FEATURE + 1e-9), 1), CODED_FEATURES)
