"""What a receiver of transport blocks keeps between rounds, and what it says after each.

HARQ memory is a value: it goes into `TransportCodec.receive` and comes out as another one.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class SoftBuffer(NamedTuple):
    """What a receiver keeps of transport blocks between rounds.

    Attributes:
        llr: [batch, blocks, n_mother] float32 sums of LLRs.
        bits: [batch, blocks, K'] uint8 latest decisions.
        block_ok: [batch, blocks] bool, code blocks that are right: they are not decoded again.
    """

    llr: Tensor
    bits: Tensor
    block_ok: Tensor

    def select(self, rows: Tensor) -> SoftBuffer:
        """The buffers of some transport blocks: indices, or a mask, over the batch."""
        return SoftBuffer(self.llr[rows], self.bits[rows], self.block_ok[rows])


class Reception(NamedTuple):
    """The outcome of a round.

    Attributes:
        buffer: The soft buffer for the next round.
        bits: [batch, payload_bits] uint8 latest decisions, right or wrong.
        crc_ok: [batch] bool, ACK.
        block_ok: [batch, blocks] bool.
    """

    buffer: SoftBuffer
    bits: Tensor
    crc_ok: Tensor
    block_ok: Tensor
