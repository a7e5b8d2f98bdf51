"""Adaptive modulation and coding: the row of the MCS table that suits the slot and the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from phy.channel import Channel
from phy.coding.link_adaptation import Bursts, SnrStatistics
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
        coding: With the row's modulation and rate.
        most_bytes: Bytes of the largest file that fits the slot, 0 where none does.
    """

    coding: Coding
    most_bytes: int


@final
class AdaptiveCoding:
    """Picks modulation and rate from the average SNR and the statistics of the channel law.

    Among the rows whose predicted block error rate at the first transmission is within the target,
    the slot's largest file is that of the row which carries most. A file then gets the row that
    takes the fewest slots for it, and of several such rows the most robust.

    Args:
        coding: HARQ and decoder; its modulation and rate are not looked at.
        channel: The law of the run.
        target_bler: Predicted block error rate of the first transmission at most.

    Raises:
        ValueError: When the target is no probability between 0 and 1.
    """

    def __init__(self, coding: Coding, channel: Channel, target_bler: float = TARGET_BLER) -> None:
        if not 0 < target_bler < 1:
            raise ValueError(
                f"target_bler {target_bler} is not allowed, it must be between 0 and 1"
            )
        self.channel, self.target_bler = channel, target_bler
        rows = sorted(MCS_TABLE, key=lambda mcs: mcs.spectral_efficiency)
        self._codings = [coding.with_mcs(mcs) for mcs in rows]
        self._candidates: dict[Slot, list[Candidate]] = {}
        self._bursts: dict[int, Bursts] = {}
        self._statistics: dict[tuple[Slot, int], SnrStatistics] = {}
        self._chosen: dict[tuple[Slot, int], Coding] = {}

    @property
    def side_information_bits(self) -> int:
        """The row of the table, in every burst's control information."""
        return (len(MCS_TABLE) - 1).bit_length()

    def most_bytes(self, slot: Slot) -> int:
        """Bytes of the largest file that fits the slot within the target."""
        return max(candidate.most_bytes for candidate in self.candidates(slot))

    def for_file(self, file_bytes: int, slot: Slot) -> Coding:
        """The most robust of the codings that take the fewest slots within the target."""
        key = slot, file_bytes
        if key not in self._chosen:
            self._chosen[key] = self._choose(8 * file_bytes, slot)
        return self._chosen[key]

    def candidates(self, slot: Slot) -> list[Candidate]:
        """Rows within the target for a file that fills the slot, the most robust first.

        Where there is none, the most robust row of all: HARQ has to make up for it.
        """
        if slot not in self._candidates:
            rows = [Candidate(c, c.largest_file_bytes(slot.uses)) for c in self._codings]
            self._candidates[slot] = [
                row for row in rows if self._allowed(row.coding, 8 * max(row.most_bytes, 1), slot)
            ] or rows[:1]
        return self._candidates[slot]

    def predicted_bler(self, codec: TransportCodec, slot: Slot) -> float:
        """Block error rate of a first transmission, from what the transmitter knows."""
        uses = 1 << (codec.uses - 1).bit_length()  # one set of bursts for all of about this length
        key = slot, uses
        if key not in self._statistics:
            if uses not in self._bursts:
                self._bursts[uses] = Bursts.drawn(self.channel, uses)
            no = noise_variance(slot.reported_snr_db)
            self._statistics[key] = self._bursts[uses].statistics(no)
        return self._statistics[key].block_error_rate(codec)

    def _allowed(self, coding: Coding, bits: int, slot: Slot) -> bool:
        return self.predicted_bler(coding.codec(bits), slot) <= self.target_bler

    def _choose(self, bits: int, slot: Slot) -> Coding:
        codings = [candidate.coding for candidate in self.candidates(slot)]
        # More slots are more code blocks, and all must be right: rows may drop out again.
        while len(codings) > 1 and not self._allowed(codings[-1], bits, slot):
            codings.pop()
        slots = [-(-coding.codec(bits).uses // slot.uses) for coding in codings]
        return codings[slots.index(min(slots))]
