"""The choice of a layout of digital-vq, from training statistics and the channel law alone.

The value of a layout is the accuracy that the receiver is expected to reach: the sum over the
blocks of the accuracy that the block adds on the training images, times the probability that it
arrives. This probability is the normal approximation over the bursts of the channel law. The value
is averaged over the slots after which the transmission of an image can end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from phy.channel import Channel
from phy.coding import polar_code
from phy.coding.bounds import normal_approximations
from phy.coding.link_adaptation import FadingSamples, SnrStatistics
from phy.modulation import Modulation
from phy.snr import noise_variance
from simulator.scheme_arguments import ADAPTIVE, DigitalVqArguments
from simulator.schemes.vq_layout import Layout
from simulator.slots import Slot

#: Gap of each code to the normal approximation in dB (docs/conventional.md, benchmarks/short_codes.py).
MARGIN_DB = {"ml": 0.0, "polar": 0.25}
#: Constellations that are tried; BPSK is QPSK at half the rate.
CONSTELLATIONS = ("qpsk", "16qam", "64qam")
#: Most blocks of a slot that are tried.
MOST_BLOCKS = 16


@dataclass
class Planner:
    """Chooses layouts; it holds the channel law and memoized results of pure functions.

    Attributes:
        channel: Channel law of the run.
        arguments: What is fixed by the user.
        stage_bits: Bits of each stage of the quantizer.
        accuracy: Relative accuracy on training images if the first 0, 1, 2, ... stages arrive.
        max_transmissions: G_max of the run.
    """

    channel: Channel
    arguments: DigitalVqArguments
    stage_bits: tuple[int, ...]
    accuracy: tuple[float, ...]
    max_transmissions: int
    _layouts: dict[Slot, Layout] = field(default_factory=dict)
    _statistics: dict[tuple[float, int], SnrStatistics] = field(default_factory=dict)
    _errors: dict[tuple[float, str, str, int, int], float] = field(default_factory=dict)

    def uses(self, slot: Slot) -> int:
        """Returns the channel uses of each transmission: B, unless the user fixes another number."""
        return self.arguments.uses_per_slot or slot.features

    def layout(self, slot: Slot) -> Layout:
        """Returns the layout of the slots of a run; both ends compute it."""
        if slot not in self._layouts:
            self._layouts[slot] = self._best(slot)
        return self._layouts[slot]

    def _best(self, slot: Slot) -> Layout:
        first = self.first_stop(slot)
        best, most = None, -1.0
        for layout in self.candidates(self.uses(slot)):
            slots = range(first, self.max_transmissions + 1)
            value = float(np.mean([self.value(layout, slot, count) for count in slots]))
            if value > most + 1e-9:
                best, most = layout, value
        if best is None:  # not even one coded bit for each information bit in all slots
            modulation = CONSTELLATIONS[-1]
            best = Layout("ml", modulation, self.uses(slot), 1, 1, 1, self.stage_bits)
        return best

    def first_stop(self, slot: Slot) -> int:
        """Returns the slots after which a receiver without any uncertainty stops on average."""
        per_slot = 2 / noise_variance(slot.reported_snr_db)
        theta_0 = 10.0 ** (self.arguments.theta_0_db / 10)
        return int(min(theta_0 // per_slot + 1, self.max_transmissions))

    def candidates(self, uses: int) -> Iterator[Layout]:
        """Yields the layouts that the arguments allow."""
        given = self.arguments
        modulations = CONSTELLATIONS if given.modulation == ADAPTIVE else (given.modulation,)
        for modulation in modulations:
            for period in range(1, self.max_transmissions + 1):
                if given.slots_per_block not in (0, period):
                    continue
                one = Layout("ml", modulation, uses, period, 1, 1, self.stage_bits)
                for stages, blocks in self._divisions():
                    short = replace(one, stages_per_block=stages, blocks_per_period=blocks)
                    if given.code != "polar" and short.possible():
                        yield short
                for stages in range(2, len(self.stage_bits) + 1):
                    polar = replace(one, code="polar", stages_per_block=stages)
                    if given.code != "ml" and period == 1 and polar.possible():
                        yield polar

    def _divisions(self) -> Iterator[tuple[int, int]]:
        """Yields (stages of a block, blocks of a period) of short codes."""
        for stages in (2, 1):
            for blocks in range(1, min(MOST_BLOCKS, -(-len(self.stage_bits) // stages)) + 1):
                if self.arguments.blocks_per_slot in (0, blocks):
                    yield stages, blocks

    def value(self, layout: Layout, slot: Slot, transmissions: int) -> float:
        """Returns the expected accuracy after some transmissions."""
        total = self.accuracy[0]
        for block, length in enumerate(layout.sent(transmissions)):
            if length:
                stages = layout.blocks[block]
                added = self.accuracy[stages[-1] + 1] - self.accuracy[stages[0]]
                total += added * (1 - self.block_error_rate(layout, slot, block, length))
        return total

    def block_error_rate(self, layout: Layout, slot: Slot, block: int, length: int) -> float:
        """Returns the expected error rate of a block of which `length` coded bits were sent."""
        bits, snr_db = layout.bits(block), slot.reported_snr_db
        if layout.code == "polar":
            bits += polar_code.crc_bits(bits)
            own = layout.length(block)  # further bits repeat these: more SNR, and no lower rate
            snr_db += 10 * math.log10(max(length / own, 1))
            length = min(length, own)
        uses = length // Modulation(layout.modulation).bits_per_symbol
        key = snr_db, layout.code, layout.modulation, bits, uses
        if key not in self._errors:
            statistics = self.statistics(snr_db, layout.uses)
            mean, variance = statistics.information(layout.modulation, MARGIN_DB[layout.code])
            rates = normal_approximations(max(uses, 1), bits, mean, variance)
            self._errors[key] = float(rates.mean())
        return self._errors[key]

    def statistics(self, snr_db: float, uses: int) -> SnrStatistics:
        """Returns the statistics of the SNR over bursts of about the length of all slots."""
        size = 1 << (self.max_transmissions * uses - 1).bit_length()
        key = snr_db, size
        if key not in self._statistics:
            bursts = FadingSamples.draw(self.channel, size)
            self._statistics[key] = bursts.statistics(noise_variance(snr_db))
        return self._statistics[key]
