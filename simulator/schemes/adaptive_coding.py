"""Adaptive modulation and coding: a row of the MCS table for each slot and file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from phy.channel import Channel
from phy.coding.link_adaptation import FadingSamples, SnrStatistics
from phy.coding.mcs import MCS_TABLE
from phy.coding.transport import TransportCodec
from phy.snr import noise_variance
from simulator.scheme_arguments import TARGET_BLER
from simulator.schemes.coding import Coding
from simulator.slots import Slot


@dataclass(frozen=True)
class Candidate:
    """A row of the MCS table in a slot.

    Attributes:
        coding: Coding with the row's modulation and rate.
        most_bytes: Bytes of the largest file that fits the slots; 0 if none does.
    """

    coding: Coding
    most_bytes: int


@final
class AdaptiveCoding:
    """Chooses modulation and rate from the average SNR and the statistics of the channel law.

    Candidates are the rows whose predicted block error rate at the first transmission is within the
    target. The largest file of a slot is that of the candidate which carries most. A file then gets
    the candidate that needs the fewest slots for it, and of several such rows the most robust one.

    The object holds the channel law and memoized results of pure functions of slot and file size.

    Args:
        coding: HARQ and decoder; its modulation and rate are ignored.
        channel: The channel law of the run.
        target_bler: Largest predicted block error rate of the first transmission.

    Raises:
        ValueError: If the target is not between 0 and 1.
    """

    def __init__(self, coding: Coding, channel: Channel, target_bler: float = TARGET_BLER) -> None:
        if not 0 < target_bler < 1:
            raise ValueError(
                f"target_bler {target_bler} is not allowed, it must be between 0 and 1"
            )
        self.channel, self.target_bler = channel, target_bler
        rows = sorted(MCS_TABLE, key=lambda mcs: mcs.spectral_efficiency)
        self._codings = [coding.with_mcs(mcs) for mcs in rows]
        self._candidates: dict[tuple[Slot, int], list[Candidate]] = {}
        self._bursts: dict[int, FadingSamples] = {}
        self._statistics: dict[tuple[Slot, int], SnrStatistics] = {}
        self._chosen: dict[tuple[Slot, int, int], Coding] = {}

    @property
    def side_information_bits(self) -> int:
        """Bits of the number of the row, in the control information of every burst."""
        return (len(MCS_TABLE) - 1).bit_length()

    def most_bytes(self, slot: Slot, slots: int = 1) -> int:
        """Returns the bytes of the largest file that fits the slots within the target."""
        return max(candidate.most_bytes for candidate in self.candidates(slot, slots))

    def for_file(self, file_bytes: int, slot: Slot, slots: int = 1) -> Coding:
        """Returns the most robust of the codings that need the fewest slots within the target.

        Slots are counted in multiples of `slots`.
        """
        key = slot, slots, file_bytes
        if key not in self._chosen:
            self._chosen[key] = self._choose(8 * file_bytes, slot, slots)
        return self._chosen[key]

    def candidates(self, slot: Slot, slots: int = 1) -> list[Candidate]:
        """Returns rows within the target for a file that fills the slots, the most robust first.

        If there is none, the most robust row of all: HARQ has to compensate.
        """
        key = slot, slots
        if key not in self._candidates:
            rows = [Candidate(c, c.largest_file_bytes(slots * slot.uses)) for c in self._codings]
            self._candidates[key] = [
                row for row in rows if self._allowed(row.coding, 8 * max(row.most_bytes, 1), slot)
            ] or rows[:1]
        return self._candidates[key]

    def meets_target(self, slot: Slot, slots: int = 1) -> bool:
        """Returns whether any row is within the target for a file that fills the slots."""
        first = self.candidates(slot, slots)[0]
        return self._allowed(first.coding, 8 * max(first.most_bytes, 1), slot)

    def predicted_bler(self, codec: TransportCodec, slot: Slot) -> float:
        """Returns the block error rate of a first transmission, from the transmitter's knowledge."""
        uses = 1 << (codec.uses - 1).bit_length()  # one set of bursts for all of similar length
        key = slot, uses
        if key not in self._statistics:
            if uses not in self._bursts:
                self._bursts[uses] = FadingSamples.draw(self.channel, uses)
            no = noise_variance(slot.reported_snr_db)
            self._statistics[key] = self._bursts[uses].statistics(no)
        return self._statistics[key].block_error_rate(codec)

    def _allowed(self, coding: Coding, bits: int, slot: Slot) -> bool:
        return self.predicted_bler(coding.codec(bits), slot) <= self.target_bler

    def _choose(self, bits: int, slot: Slot, slots: int) -> Coding:
        codings = [candidate.coding for candidate in self.candidates(slot, slots)]
        # More slots mean more code blocks, all of which must be right: rows may drop out again.
        while len(codings) > 1 and not self._allowed(codings[-1], bits, slot):
            codings.pop()
        uses = slots * slot.uses
        counts = [-(-coding.codec(bits).uses // uses) for coding in codings]
        return codings[counts.index(min(counts))]
