"""The digital part of plus-hybrid: latent features, vector-quantized in stages.

A residual vector quantizer describes the latent features by 37 bits. Two stages form a block, which
one short code protects. The rest, features minus codewords, is analog. Distances have the weights of
the schedule, so that the first bits protect what the tasks need most.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from semantic.plus.schedule import LATENT_FEATURES, feature_weights
from semantic.vq.residual import ResidualQuantizer

#: Bits of the stages, and stages of a block.
STAGE_BITS = (7, 6, 6, 6, 6, 6)
STAGES_PER_BLOCK = 2
#: Blocks, and the bits of each.
BLOCKS = len(STAGE_BITS) // STAGES_PER_BLOCK
BLOCK_BITS = tuple(
    sum(STAGE_BITS[i : i + STAGES_PER_BLOCK]) for i in range(0, len(STAGE_BITS), STAGES_PER_BLOCK)
)


class BlockEstimate(NamedTuple):
    """What a receiver knows of the latent features from one block.

    Attributes:
        mean: Expected sum of the codewords of its two stages.
        variance: Variance of this sum.
    """

    mean: Float[Tensor, "batch latent"]
    variance: Float[Tensor, "batch latent"]


class LatentQuantizer(nn.Module):
    """A residual vector quantizer of latent features, with statistics of the training images.

    Attributes:
        codewords: Codewords of all stages in the weighted space, flat.
        log_prior: Logarithm of the share of training images of each codeword.
        left: Variance of each feature that the first 0, 1, 2, ... blocks leave, flat.
    """

    codewords: Tensor
    log_prior: Tensor
    left: Tensor

    def __init__(self) -> None:
        super().__init__()
        words = sum(2**bits for bits in STAGE_BITS)
        self.register_buffer("codewords", torch.zeros(words * LATENT_FEATURES))
        self.register_buffer("log_prior", torch.zeros(words))
        self.register_buffer("left", torch.ones((BLOCKS + 1) * LATENT_FEATURES))

    @property
    def roots(self) -> Float[Tensor, " latent"]:
        """Square roots of the weights of the features."""
        return torch.from_numpy(feature_weights()).float().sqrt().to(self.codewords.device)

    @property
    def variances(self) -> Float[Tensor, "counts latent"]:
        """`left` by number of blocks."""
        return self.left.view(-1, LATENT_FEATURES)

    @property
    def quantizer(self) -> ResidualQuantizer:
        """The quantizer in the weighted space."""
        return ResidualQuantizer(STAGE_BITS, self.codewords.view(-1, LATENT_FEATURES))

    def quantize(self, c: Float[Tensor, "batch latent"]) -> Int[Tensor, "batch blocks"]:
        """Returns the message of each block."""
        index = self.quantizer.quantize(c * self.roots)
        pairs = zip(
            index[:, 0::2].unbind(1), index[:, 1::2].unbind(1), STAGE_BITS[1::2], strict=True
        )
        return torch.stack([first << bits | second for first, second, bits in pairs], 1)

    def words(self, block: int) -> tuple[Tensor, Tensor]:
        """Returns the codewords of the two stages of a block, [size, latent] each."""
        first = STAGES_PER_BLOCK * block
        stages = (self.quantizer.stage(stage) / self.roots for stage in (first, first + 1))
        a, b = stages
        return a, b

    def codeword(
        self, messages: Int[Tensor, "batch blocks"], blocks: int
    ) -> Float[Tensor, "batch latent"]:
        """Returns the sum of the codewords of the first blocks."""
        total = self.codewords.new_zeros(len(messages), LATENT_FEATURES)
        for block in range(blocks):
            bits, (first, second) = STAGE_BITS[2 * block + 1], self.words(block)
            message = messages[:, block]
            total = total + first[message >> bits] + second[message & (1 << bits) - 1]
        return total

    def prior(self, block: int) -> Float[Tensor, " messages"]:
        """Returns the logarithm of the probability of each message of a block."""
        prior = ResidualQuantizer(STAGE_BITS, self.log_prior[:, None])
        first, second = (prior.stage(2 * block + i)[:, 0] for i in (0, 1))
        return (first[:, None] + second).flatten()

    def estimate(self, block: int, probability: Float[Tensor, "batch messages"]) -> BlockEstimate:
        """Returns mean and variance of the codewords of a block, given the messages' probabilities."""
        first, second = self.words(block)
        joint = probability.unflatten(1, (len(first), len(second)))
        shares = joint.sum(2), joint.sum(1)
        mean = shares[0] @ first + shares[1] @ second
        squares = shares[0] @ first.square() + shares[1] @ second.square()
        products = ((joint @ second) * first).sum(1)
        return BlockEstimate(mean, (squares + 2 * products - mean.square()).clamp_min(0))
