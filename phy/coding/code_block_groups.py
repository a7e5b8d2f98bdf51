"""Retransmission by code-block groups: which groups are wrong, and which coded bits go again.

Blocks form groups of consecutive blocks, as equal as can be, the longer ones first (TS 38.213
clause 9.1.1). With one group, that is the retransmission of the whole transport block.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from phy.coding.transport import TransportCodec


def wrong_groups(block_ok: Tensor, groups: int) -> Tensor:
    """The groups in which a block is wrong: what a NACK names, one bit each.

    Args:
        block_ok: [blocks] bool.
        groups: Code-block groups of a transport block at most, at least 1.

    Returns:
        [groups] bool; False for those that a transport block of few blocks has not.

    >>> wrong_groups(torch.tensor([True, True, False]), 2)
    tensor([False,  True])
    """
    wrong = torch.zeros(groups, dtype=torch.bool)
    wrong[_group_of_block(len(block_ok), groups)[~block_ok.cpu()]] = True
    return wrong


def sent_bits(codec: TransportCodec, wanted: Tensor) -> Tensor:
    """The coded bits of the groups that are wanted.

    Args:
        codec: Of the transport block.
        wanted: [groups] bool, groups to send.

    Returns:
        [coded_bits] bool. All bits of a symbol are in the same code block. The LLRs of what is not
        sent are 0 at the receiver.
    """
    blocks = wanted.cpu()[_group_of_block(codec.blocks, len(wanted))]
    return blocks.repeat_interleave(torch.tensor(codec.block_lengths))


def _group_of_block(blocks: int, groups: int) -> Tensor:
    """[blocks] the group of each."""
    if groups < 1:
        raise ValueError(f"{groups} code-block groups are not allowed, there must be >= 1")
    parts = np.array_split(np.arange(blocks), min(groups, blocks))
    return torch.tensor([group for group, part in enumerate(parts) for _ in part])
