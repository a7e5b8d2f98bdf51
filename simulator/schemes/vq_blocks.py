"""Coding and soft decoding of the blocks of digital-vq."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from phy.coding.polar_code import PolarCode
from phy.coding.short_code import ShortCode
from semantic.tiles import in_tiles
from semantic.vq.network import VqNetwork
from simulator.schemes.vq_layout import Layout, Segment


class Decoded(NamedTuple):
    """What a receiver knows of a block.

    Attributes:
        part: [batch, dimensions] expected sum of the codewords of its stages.
        confidence: [batch] probability that the bits are right; for polar codes 1 where the CRC
            holds, else 0.
        bits: [batch, bits] uint8, the most probable bits.
    """

    part: Tensor
    confidence: Tensor
    bits: Tensor


class BlockDecoder:
    """Encodes and decodes blocks.

    Args:
        network: Codewords, and the shares of training images that have each of them.
        list_size: Paths of the list decoder of polar codes.
    """

    def __init__(self, network: VqNetwork, list_size: int) -> None:
        self.list_size = list_size
        stages = range(len(network.stage_bits))
        self.words = [network.quantizer.stage(stage).cpu() for stage in stages]
        self.log_prior = [network.prior.stage(stage)[:, 0].cpu() for stage in stages]

    def encode(self, layout: Layout, segment: Segment, bits: Tensor) -> Tensor:
        """Returns the coded bits of a segment, [batch, coded] uint8.

        Args:
            layout: Layout of the slots.
            segment: What to send.
            bits: [batch, bits] of all stages.
        """
        first, end = layout.bit_range(segment.block)
        own = bits[:, first:end]
        if layout.code == "polar":
            words = self._polar(layout, segment.block).encode(own)
            place = torch.arange(segment.first, segment.first + segment.count)
            return words[:, place % words.shape[1]]
        code = ShortCode(end - first)
        return code.encode(to_number(own), segment.first, segment.count)

    def decode(self, layout: Layout, block: int, llr: Tensor) -> Decoded:
        """Decodes a block in tiles.

        Args:
            layout: Layout of the slots.
            block: Number of the block.
            llr: [batch, coded] LLRs of its first coded bits.
        """
        decode = self._decode_polar if layout.code == "polar" else self._decode_ml
        return Decoded(*in_tiles(lambda tile: tuple(decode(layout, block, tile)), llr))

    def _decode_ml(self, layout: Layout, block: int, llr: Tensor) -> Decoded:
        """Computes the probability of every message, and the mean of the codewords over them."""
        stages = layout.blocks[block]
        prior = self.log_prior[stages[0]]
        for stage in stages[1:]:
            prior = (prior[:, None] + self.log_prior[stage]).flatten()
        messages = ShortCode(layout.bits(block)).posterior(llr, prior)
        best = messages.max(1)
        by_stage = messages.unflatten(1, [len(self.words[stage]) for stage in stages])
        part = torch.zeros(len(llr), self.words[0].shape[1])
        for axis, stage in enumerate(stages, 1):
            others = [other for other in range(1, by_stage.ndim) if other != axis]
            share = by_stage.sum(others) if others else by_stage
            part = part + share @ self.words[stage]
        digits = torch.arange(layout.bits(block) - 1, -1, -1)
        return Decoded(part, best.values, (best.indices[:, None] >> digits & 1).to(torch.uint8))

    def _decode_polar(self, layout: Layout, block: int, llr: Tensor) -> Decoded:
        """Decodes the code word; where its CRC fails, nothing is known."""
        code = self._polar(layout, block)
        place = torch.arange(llr.shape[1]) % code.length
        total = torch.zeros(len(llr), code.length).index_add_(1, place, llr)
        bits, ok = code.decode(total)
        part, first = torch.zeros(len(llr), self.words[0].shape[1]), 0
        for stage in layout.blocks[block]:
            size = layout.stage_bits[stage]
            part = part + self.words[stage][to_number(bits[:, first : first + size])]
            first += size
        return Decoded(part * ok[:, None], ok.float(), bits)

    def _polar(self, layout: Layout, block: int) -> PolarCode:
        return PolarCode(layout.bits(block), layout.length(block), self.list_size)


def to_number(bits: Tensor) -> Tensor:
    """Returns the number whose binary digits are given, the first digit first: [batch] int64.

    >>> to_number(torch.tensor([[1, 0, 1]], dtype=torch.uint8))
    tensor([5])
    """
    powers = 2 ** torch.arange(bits.shape[1] - 1, -1, -1)
    return (bits.long() * powers).sum(1)
