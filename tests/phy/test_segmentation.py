"""Segmentation: the numbers of TS 38.212 clause 5.2.2, and the way there and back."""

from __future__ import annotations

import numpy as np
import pytest

from phy.coding.crc import CRC24B
from phy.coding.ldpc_code import LIFTING_SETS, MAX_BLOCK_BITS, LdpcCode
from phy.coding.segmentation import Segmentation, block_count, padded_bits, select_base_graph


@pytest.mark.parametrize("base_graph", [1, 2])
def test_any_size_splits_after_padding(base_graph: int) -> None:
    longest = MAX_BLOCK_BITS[base_graph]
    rng = np.random.default_rng(0)
    near = [longest * c + d for c in (1, 2, 3, 7) for d in (-25, -24, -1, 0, 1)]
    for bits in [17, 24, *near, *rng.integers(24, 2_000_000, 200).tolist()]:
        size = padded_bits(bits, base_graph)
        split = Segmentation(size, base_graph)
        assert 0 <= size - bits < split.blocks
        assert split.blocks == block_count(bits, base_graph)
        assert split.blocks * (split.block_bits - split.block_crc_bits) == size
        assert split.block_bits <= longest
        assert split.code.k == split.block_bits
        assert split.code.lifting in {z for row in LIFTING_SETS for z in row}


def test_lifting_sizes() -> None:
    sizes = sorted(z for row in LIFTING_SETS for z in row)
    assert len(sizes) == 51
    assert (sizes[0], sizes[-1]) == (2, 384)


@pytest.mark.parametrize(
    ("k", "base_graph", "lifting"),
    [(44, 1, 2), (45, 1, 3), (6000, 1, 288), (8448, 1, 384), (192, 2, 32), (193, 2, 26),
     (560, 2, 72), (561, 2, 64), (640, 2, 72), (641, 2, 72), (3840, 2, 384)],
)  # fmt: skip
def test_lifting_choice(k: int, base_graph: int, lifting: int) -> None:
    assert LdpcCode.for_block(k, base_graph).lifting == lifting


@pytest.mark.parametrize(("bits", "base_graph"), [(24, 1), (8448, 1), (8450, 1), (3842, 2)])
def test_there_and_back(bits: int, base_graph: int) -> None:
    split = Segmentation(padded_bits(bits, base_graph), base_graph)
    block = np.random.default_rng(bits).integers(0, 2, (3, split.bits), np.uint8)
    blocks = split.segment(block)
    assert blocks.shape == (3, split.blocks, split.block_bits)
    again, ok = split.join(blocks)
    np.testing.assert_array_equal(again, block)
    assert ok.all()


def test_one_wrong_block_is_named() -> None:
    split = Segmentation(padded_bits(40_000, 1))
    blocks = split.segment(np.random.default_rng(0).integers(0, 2, (2, split.bits), np.uint8))
    blocks[1, 3, 17] ^= 1
    _, ok = split.join(blocks)
    assert ok[0].all()
    assert ok[1].tolist() == [r != 3 for r in range(split.blocks)]


def test_blocks_end_in_crc24b() -> None:
    split = Segmentation(16_000)
    blocks = split.segment(np.random.default_rng(0).integers(0, 2, (1, 16_000), np.uint8))
    assert CRC24B.check(blocks[0]).all()


def test_refusals() -> None:
    with pytest.raises(ValueError, match="pad to 16851"):
        Segmentation(16_850)
    with pytest.raises(ValueError, match="at least 12"):
        Segmentation(11)
    with pytest.raises(ValueError, match="not one of 1, 2"):
        Segmentation(100, 3)
    with pytest.raises(ValueError, match=r"must be \[batch, 100\]"):
        Segmentation(100).segment(np.zeros((1, 99), np.uint8))
    with pytest.raises(ValueError, match="12 to 3840"):
        LdpcCode.for_block(3841, 2)


def test_base_graph_rule() -> None:
    assert select_base_graph(293, 0.68) == 1
    assert select_base_graph(100_000, 0.25) == 2
