"""What each transmission of digital-vq carries: blocks of bits, their codes, their channel uses.

A block is the indices of some consecutive stages of the quantizer. A period is a number of slots in
which the same blocks are sent: the first slot carries the first part of their code words, each
further slot the next part (incremental redundancy). The next period carries the next blocks. When
all blocks have been sent, the first period comes again, with further redundancy.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from phy.coding import polar_code, short_code
from phy.modulation import Modulation


@dataclass(frozen=True)
class Segment:
    """Channel uses of a burst that carry bits of one code word.

    Attributes:
        block: Number of the block.
        first: Number of the first coded bit, counted on through repetitions.
        count: Number of coded bits.
    """

    block: int
    first: int
    count: int


@dataclass(frozen=True)
class Layout:
    """The content of every slot, the same for all images.

    Attributes:
        code: "ml", a short code for each block with a soft decoder, or "polar".
        modulation: Name of the constellation.
        uses: Channel uses of a slot.
        period: Slots in which the same blocks are sent.
        blocks_per_period: Number of these blocks.
        stages_per_block: Stages of the quantizer in a block.
        stage_bits: Bits of each stage.

    >>> layout = Layout("ml", "qpsk", 15, 4, 1, 2, (7, 6, 6, 6))
    >>> layout.segments(1), layout.segments(4)
    ((Segment(block=0, first=30, count=30),), (Segment(block=1, first=0, count=30),))
    """

    code: str
    modulation: str
    uses: int
    period: int
    blocks_per_period: int
    stages_per_block: int
    stage_bits: tuple[int, ...]

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """Stages of each block."""
        stages, size = len(self.stage_bits), self.stages_per_block
        return tuple(tuple(range(i, min(i + size, stages))) for i in range(0, stages, size))

    def bits(self, block: int) -> int:
        """Returns the information bits of a block."""
        return sum(self.stage_bits[stage] for stage in self.blocks[block])

    def bits_of_place(self, place: int) -> int:
        """Returns the coded bits of one of the blocks of a slot; all have nearly the same uses."""
        parts = self.blocks_per_period
        uses = self.uses * (place + 1) // parts - self.uses * place // parts
        return uses * Modulation(self.modulation).bits_per_symbol

    def length(self, block: int) -> int:
        """Returns the coded bits of a block in its first period."""
        return self.period * self.bits_of_place(block % self.blocks_per_period)

    def segments(self, transmission: int) -> tuple[Segment, ...]:
        """Returns what a transmission carries, in the order of the channel uses."""
        return _segments(self, transmission)

    def sent(self, transmissions: int) -> tuple[int, ...]:
        """Returns the coded bits of each block in the first transmissions."""
        return _sent(self, transmissions)

    def places(self, transmissions: int) -> dict[int, list[int]]:
        """Returns where the coded bits of each block that was sent stand among all coded bits."""
        found: dict[int, list[int]] = {}
        first = 0
        for transmission in range(transmissions):
            for segment in self.segments(transmission):
                found.setdefault(segment.block, []).extend(range(first, first + segment.count))
                first += segment.count
        return found

    def bit_range(self, block: int) -> tuple[int, int]:
        """Returns (first, end) of the bits of a block among the bits of all stages."""
        stages = self.blocks[block]
        first = sum(self.stage_bits[: stages[0]])
        return first, first + self.bits(block)

    def started_bits(self, transmissions: int) -> int:
        """Returns the information bits of the blocks that were sent at least in part."""
        return sum(self.bits(b) for b, length in enumerate(self.sent(transmissions)) if length)

    def possible(self) -> bool:
        """Returns whether the codes exist: no rate above 1 in a period."""
        sizes = [(self.bits(b), self.length(b)) for b in range(len(self.blocks))]
        if self.code == "polar":
            return all(polar_code.fits(bits, length) for bits, length in sizes)
        return all(bits <= min(short_code.MOST_BITS, length) for bits, length in sizes)


@lru_cache(maxsize=4096)
def _segments(layout: Layout, transmission: int) -> tuple[Segment, ...]:
    sent, parts = [*layout.sent(transmission)], layout.blocks_per_period
    first_block, found = transmission // layout.period * parts, []
    for place in range(parts):
        block = (first_block + place) % len(sent)
        count = layout.bits_of_place(place)
        found.append(Segment(block, sent[block], count))
        sent[block] += count
    return tuple(found)


@lru_cache(maxsize=4096)
def _sent(layout: Layout, transmissions: int) -> tuple[int, ...]:
    if transmissions == 0:
        return (0,) * len(layout.blocks)
    total = [*layout.sent(transmissions - 1)]
    for segment in layout.segments(transmissions - 1):
        total[segment.block] += segment.count
    return tuple(total)
