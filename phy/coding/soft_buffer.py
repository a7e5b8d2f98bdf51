"""The HARQ soft buffer of transport blocks, and the result of a reception.

The soft buffer is a value: `TransportCodec.receive` takes one and returns a new one.
"""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Bool, Float, UInt8
from torch import Tensor


class SoftBuffer(NamedTuple):
    """The memory of a receiver of transport blocks between transmissions.

    Attributes:
        llr: [batch, blocks, n_mother] float32 sums of LLRs.
        bits: [batch, blocks, K'] uint8 latest decisions.
        block_ok: [batch, blocks] bool, code blocks that are correct and not decoded again.
    """

    llr: Float[Tensor, "batch blocks n_mother"]
    bits: UInt8[Tensor, "batch blocks k"]
    block_ok: Bool[Tensor, "batch blocks"]

    def select(self, rows: Tensor) -> SoftBuffer:
        """Returns the buffers of some transport blocks.

        Args:
            rows: Indices or a boolean mask over the batch.
        """
        return SoftBuffer(self.llr[rows], self.bits[rows], self.block_ok[rows])


class Reception(NamedTuple):
    """The result of one transmission at the receiver.

    Attributes:
        buffer: Soft buffer for the next transmission.
        bits: [batch, payload_bits] uint8 latest decisions, correct or not.
        crc_ok: [batch] bool, whether the transport block is correct (ACK).
        block_ok: [batch, blocks] bool, whether each code block is correct.
    """

    buffer: SoftBuffer
    bits: UInt8[Tensor, "batch payload_bits"]
    crc_ok: Bool[Tensor, " batch"]
    block_ok: Bool[Tensor, "batch blocks"]
