"""Retransmission by code-block groups: groups in error and the coded bits to retransmit.

A code-block group is a set of consecutive code blocks; groups differ in size by one block at most,
and the larger ones come first (TS 38.213 clause 9.1.1). One group is the whole transport block.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from phy.coding.transport import TransportCodec


def wrong_groups(block_ok: Bool[Tensor, " blocks"], groups: int) -> Bool[Tensor, " {groups}"]:
    """Returns the groups with a block in error, which a NACK reports by one bit each.

    Args:
        block_ok: [blocks] bool, whether each code block is correct.
        groups: Largest number of code-block groups of a transport block, at least 1.

    Returns:
        [groups] bool; False for groups beyond the number of blocks.

    Raises:
        ValueError: When `groups` is less than 1.

    >>> wrong_groups(torch.tensor([True, True, False]), 2)
    tensor([False,  True])
    """
    wrong = torch.zeros(groups, dtype=torch.bool)
    wrong[_group_of_block(len(block_ok), groups)[~block_ok.cpu()]] = True
    return wrong


def sent_bits(
    codec: TransportCodec, wanted: Bool[Tensor, " groups"]
) -> Bool[Tensor, " coded_bits"]:
    """Returns which coded bits belong to the requested groups.

    Args:
        codec: Codec of the transport block.
        wanted: [groups] bool, groups to send.

    Returns:
        [coded_bits] bool. All bits of a symbol are in the same code block. At the receiver, bits
        that are not sent have LLR 0.

    >>> codec = TransportCodec(payload_bits=50_000)
    >>> bool(sent_bits(codec, torch.tensor([True])).all())
    True
    """
    blocks = wanted.cpu()[_group_of_block(codec.blocks, len(wanted))]
    return blocks.repeat_interleave(torch.tensor(codec.block_lengths))


def _group_of_block(blocks: int, groups: int) -> Tensor:
    """Returns the group of each block, [blocks]."""
    if groups < 1:
        raise ValueError(f"{groups} code-block groups are not allowed, there must be >= 1")
    parts = np.array_split(np.arange(blocks), min(groups, blocks))
    return torch.tensor([group for group, part in enumerate(parts) for _ in part])
