"""The digital part of plus-hybrid: latent features, vector-quantized in stages.

A residual vector quantizer describes the latent features by 37 bits. A block, which one short code
protects, is the indices of two stages, or of the first one alone where there are not enough channel
uses for two. The rest, features minus codewords, is analog. Distances have the weights of the
schedule, so that the first bits protect what the tasks need most.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from semantic.plus.schedule import LATENT_FEATURES, feature_weights
from semantic.vq.residual import ResidualQuantizer

#: Bits of the stages.
STAGE_BITS = (7, 6, 6, 6, 6, 6)
#: Stages of each block, where channel uses allow two in a block.
BLOCKS = ((0, 1), (2, 3), (4, 5))


def bits_of(stages: Sequence[int]) -> int:
    """Returns the information bits of a block.

    >>> bits_of(BLOCKS[0])
    13
    """
    return sum(STAGE_BITS[stage] for stage in stages)


class BlockEstimate(NamedTuple):
    """What a receiver knows of the latent features from one block.

    Attributes:
        mean: Expected sum of the codewords of its stages.
        variance: Variance of this sum.
    """

    mean: Float[Tensor, "batch latent"]
    variance: Float[Tensor, "batch latent"]


class LatentQuantizer(nn.Module):
    """A residual vector quantizer of latent features, with statistics of the training images.

    Attributes:
        codewords: Codewords of all stages in the weighted space, flat.
        log_prior: Logarithm of the share of training images of each codeword.
        left: Variance of each feature that the first 0, 2, 4, ... stages leave, flat.
    """

    codewords: Tensor
    log_prior: Tensor
    left: Tensor

    def __init__(self) -> None:
        super().__init__()
        words = sum(2**bits for bits in STAGE_BITS)
        self.register_buffer("codewords", torch.zeros(words * LATENT_FEATURES))
        self.register_buffer("log_prior", torch.zeros(words))
        self.register_buffer("left", torch.ones((len(BLOCKS) + 1) * LATENT_FEATURES))

    @property
    def roots(self) -> Float[Tensor, " latent"]:
        """Square roots of the weights of the features."""
        return torch.from_numpy(feature_weights()).float().sqrt().to(self.codewords.device)

    @property
    def variances(self) -> Float[Tensor, "counts latent"]:
        """Variance of each feature that the first 0, 1, 2, ... stages leave.

        A file has those of even numbers of stages. The first of two stages also leaves what the
        second one describes: errors do not correlate with the codewords that they are errors of.
        """
        even, found = self.left.view(-1, LATENT_FEATURES), list[Tensor]()
        for block, (_, second) in enumerate(BLOCKS):
            words, share = self.words(second), self.log_prior_of(second).softmax(0)[:, None]
            mean = (share * words).sum(0)
            found += [even[block], even[block + 1] + (share * (words - mean).square()).sum(0)]
        return torch.stack([*found, even[-1]])

    @property
    def quantizer(self) -> ResidualQuantizer:
        """The quantizer in the weighted space."""
        return ResidualQuantizer(STAGE_BITS, self.codewords.view(-1, LATENT_FEATURES))

    def quantize(self, c: Float[Tensor, "batch latent"]) -> Int[Tensor, "batch stages"]:
        """Returns the index of each stage."""
        return self.quantizer.quantize(c * self.roots)

    def words(self, stage: int) -> Float[Tensor, "size latent"]:
        """Returns the codewords of a stage."""
        return self.quantizer.stage(stage) / self.roots

    def log_prior_of(self, stage: int) -> Float[Tensor, " size"]:
        """Returns the logarithm of the probability of each codeword of a stage."""
        return ResidualQuantizer(STAGE_BITS, self.log_prior[:, None]).stage(stage)[:, 0]

    def codeword(
        self, index: Int[Tensor, "batch stages"], stages: int
    ) -> Float[Tensor, "batch latent"]:
        """Returns the sum of the codewords of the first stages."""
        total = self.codewords.new_zeros(len(index), LATENT_FEATURES)
        for stage in range(stages):
            total = total + self.words(stage)[index[:, stage]]
        return total

    def prior(self, stages: Sequence[int]) -> Float[Tensor, " messages"]:
        """Returns the logarithm of the probability of each message of a block."""
        total = self.log_prior.new_zeros(1)
        for stage in stages:
            total = (total[:, None] + self.log_prior_of(stage)).flatten()
        return total

    def estimate(
        self, stages: Sequence[int], probability: Float[Tensor, "batch messages"]
    ) -> BlockEstimate:
        """Returns mean and variance of the codewords of a block, given the messages' probabilities."""
        first = self.words(stages[0])
        joint = probability.unflatten(1, (len(first), -1))
        share = joint.sum(2)
        mean, squares = share @ first, share @ first.square()
        if len(stages) == 2:
            second, share = self.words(stages[1]), joint.sum(1)
            mean = mean + share @ second
            squares = squares + share @ second.square() + 2 * ((joint @ second) * first).sum(1)
        return BlockEstimate(mean, (squares - mean.square()).clamp_min(0))


def message_of(index: Int[Tensor, "batch stages"], stages: Sequence[int]) -> Int[Tensor, " batch"]:
    """Returns the message of a block: the indices of its stages, one after the other.

    >>> message_of(torch.tensor([[3, 5]]), (0, 1))
    tensor([197])
    """
    total = torch.zeros_like(index[:, 0])
    for stage in stages:
        total = total << STAGE_BITS[stage] | index[:, stage]
    return total
