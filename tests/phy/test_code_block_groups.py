"""Retransmission by code-block groups: who belongs to which, and what a partial round is worth."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from phy.coding.code_block_groups import sent_bits, wrong_groups
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation


def test_groups_are_consecutive_and_as_equal_as_can_be() -> None:
    for blocks in range(1, 12):
        for groups in range(1, 9):
            each = torch.stack(
                [wrong_groups(torch.arange(blocks) != block, groups) for block in range(blocks)]
            )
            assert (each.sum(1) == 1).all(), "a block is in one group"
            group = each.long().argmax(1)
            assert (group.diff() >= 0).all()
            sizes = torch.bincount(group)
            assert len(sizes) == min(blocks, groups)
            assert sizes.max() - sizes.min() <= 1
            assert torch.equal(sizes, sizes.sort(descending=True).values)


def test_what_is_sent_is_the_blocks_of_the_groups() -> None:
    codec = TransportCodec(40_000)  # 5 blocks
    lengths = codec.block_lengths
    one_wrong = torch.tensor([False, True, True, True, True])
    assert sent_bits(codec, wrong_groups(one_wrong, 1)).all()
    for groups, blocks in ((8, 1), (5, 1), (3, 2), (2, 3)):
        sent = sent_bits(codec, wrong_groups(one_wrong, groups))
        assert sent.sum() == sum(lengths[:blocks])
        assert sent[: sum(lengths[:blocks])].all()
    assert not sent_bits(codec, wrong_groups(torch.ones(5, dtype=torch.bool), 3)).any()


def test_only_wrong_groups_again_is_enough() -> None:
    codec, modulation = TransportCodec(40_000), Modulation("16qam")
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (1, 40_000), generator=generator, dtype=torch.uint8)

    def received_llrs(j: int) -> Tensor:
        x = modulation.map(codec.encode(bits, j))
        noise = torch.randn(x.shape, generator=generator, dtype=torch.complex64)
        return modulation.demap(x + 10**-0.7 * noise, torch.ones(1, 1), 10**-1.4)

    first = received_llrs(0)
    first[0, : codec.block_lengths[0]] = 0.0
    outcome = codec.receive(codec.start(1), first)
    assert outcome.block_ok[0].tolist() == [False, True, True, True, True]
    for j in (1, 2):  # rv 2 on its own does not carry the whole block
        again = received_llrs(j) * sent_bits(codec, wrong_groups(outcome.block_ok[0], 8))
        outcome = codec.receive(outcome.buffer, again, j)
    assert outcome.crc_ok.all()
    assert torch.equal(outcome.bits, bits)


def test_no_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="0 code-block groups are not allowed"):
        wrong_groups(torch.ones(3, dtype=torch.bool), 0)
