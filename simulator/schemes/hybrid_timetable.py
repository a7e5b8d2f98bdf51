"""When plus-hybrid sends what: burst sizes, the length of the digital part, and the analog schedule.

Both ends know the average SNR, the channel law and statistics of the training images, and compute
the same timetable from them. What an image sends in a burst also depends on its feedback so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from semantic.plus.hybrid import BLOCKS, bits_of
from semantic.plus.schedule import burst_sizes, feature_weights

#: Uses of a block as a multiple of bits over information: what a block needs to begin, and the most.
NEEDED, MOST = 1.1, 1.6
#: The same of one stage, where two do not fit: half of its bits, uncertain as they are, are worth more
#: than analog values (chosen on the validation split, docs/semantics.md).
NEEDED_ALONE = 0.5
#: Places of the analog schedule; a longer part repeats them.
PLACES = 2048


@dataclass(frozen=True)
class Timetable:
    """The bursts of an image, the same for all images.

    Attributes:
        sizes: Uses of each burst.
        ends_slot: Whether each burst is the last one of its slot.
        blocks: Stages of each block.
        needed: Uses that must be left for each block to begin.
        digital_uses: Number of uses after which no coded bits are sent.

    >>> table = Timetable.of(B=15, slots=2, information=0.5)
    >>> table.sizes, table.blocks, table.needed
    ((15, 15), ((0, 1), (2, 3), (4, 5)), (29, 27, 27))
    >>> Timetable.of(B=10, slots=2, information=0.5).blocks  # too few uses for two stages
    ((0,),)
    """

    sizes: tuple[int, ...]
    ends_slot: tuple[bool, ...]
    blocks: tuple[tuple[int, ...], ...]
    needed: tuple[int, ...]
    digital_uses: int

    @classmethod
    def of(
        cls,
        B: int,
        slots: int,
        information: float,
        blocks: int = len(BLOCKS),
        bursts_per_block: int = 2,
    ) -> Timetable:
        """Returns the timetable.

        Args:
            B: Uses of a slot.
            slots: G_max.
            information: Mean information of a use with QPSK over the channel law, in bits.
            blocks: Most blocks.
            bursts_per_block: Bursts in which a block of average length is sent.
        """
        stages: tuple[tuple[int, ...], ...] = BLOCKS[:blocks]
        needed = tuple(int(np.ceil(NEEDED * bits_of(block) / information)) for block in stages)
        digital_uses = min(int(MOST / NEEDED * sum(needed)), B * slots)
        length = float(max(needed, default=0))
        if B * slots < max(needed[:1], default=0):  # not even the first block can begin
            stages, bits = (BLOCKS[0][:1],), bits_of(BLOCKS[0][:1])
            needed, length = (int(np.ceil(NEEDED_ALONE * bits / information)),), bits / information
            enough = B * slots >= needed[0]
            digital_uses = min(int(MOST * bits / information), B * slots) if enough else 0
        step = max(1, round(length / bursts_per_block))
        sizes, ends = list[int](), list[bool]()
        for slot in range(slots):
            part = min(max(digital_uses - slot * B, 0), B)
            own = burst_sizes(part, max(1, round(part / step))) if part else ()
            own = (*own, B - part) if part < B else own
            sizes += own
            ends += [False] * (len(own) - 1) + [True]
        return cls(tuple(sizes), tuple(ends), stages, needed, digital_uses)

    @property
    def stages(self) -> tuple[int, ...]:
        """Stages of the first 0, 1, 2, ... blocks."""
        return (0, *accumulate(len(block) for block in self.blocks))

    @property
    def starts(self) -> tuple[int, ...]:
        """Uses before each burst."""
        return (0, *accumulate(self.sizes[:-1]))

    def coded_bits(self, burst: int) -> int:
        """Returns the width of a buffer of coded bits after a burst, in steps of a quarter.

        The width depends on the number of the burst alone, so that sums round alike for all images.

        >>> Timetable.of(15, 2, 0.5).coded_bits(0)
        30
        """
        whole = 2 * self.digital_uses
        sent = 2 * (self.starts[burst] + self.sizes[burst])
        quarter = max(-(-whole // 4), 1)
        return min(-(-sent // quarter) * quarter, whole)

    def advance(
        self, burst: int, block: Tensor, bits: Tensor, decoded: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Decides what each image sends in a burst; both ends compute it.

        Args:
            burst: Number of the burst.
            block: [batch] int64, blocks finished before.
            bits: [batch] int64, coded bits of the next block that have been sent.
            decoded: [batch] bool, whether the receiver has decoded this block.

        Returns:
            Blocks finished, coded bits of the next block, and whether the burst has coded bits.
        """
        spent = self.starts[burst]
        finished = (bits > 0) & (decoded | (spent >= self.digital_uses))
        block, bits = block + finished.long(), bits.masked_fill(finished, 0)
        needed = torch.tensor([*self.needed, 1 << 40], device=block.device)
        enough = sum(self.sizes) - spent >= needed[block]
        digital = (block < len(self.needed)) & (spent < self.digital_uses) & ((bits > 0) | enough)
        return block, bits, digital


def analog_schedule(left: NDArray[np.float64], snr: float) -> NDArray[np.int64]:
    """Returns the feature of each place, [PLACES], two places on a use.

    Each place reduces the weighted error variance most: reverse water-filling, as in
    `semantic.plus.schedule`.

    Args:
        left: Variance of each feature that the digital part leaves.
        snr: Average Es/N0 of a use; both features of a use share it.

    >>> analog_schedule(np.ones(64), 0.8)[:5]
    array([0, 1, 0, 2, 3])
    """
    weights, per_place = feature_weights(), snr / left
    error, position = left.copy(), np.empty(PLACES, np.int64)
    gain = weights * (error - 1 / (1 / error + per_place))
    for place in range(PLACES):
        k = position[place] = gain.argmax()
        error[k] = 1 / (1 / error[k] + per_place[k])
        gain[k] = weights[k] * (error[k] - 1 / (1 / error[k] + per_place[k]))
    return position
