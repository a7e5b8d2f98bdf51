"""Residual vector quantization: each stage quantizes the error of the stages before it.

The reconstruction is a sum, x_hat = sum over stages of codeword[stage, index]. The first stages alone
give a coarse reconstruction (successive refinement). If the receiver knows the indices of a stage
only by their probabilities, the mean of its codewords takes the place of the codeword.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import torch
from jaxtyping import Float, Int
from torch import Tensor

#: Candidates that the search for the best indices keeps after each stage.
BEAM = 8


@dataclass(frozen=True)
class ResidualQuantizer:
    """A residual vector quantizer.

    Attributes:
        stage_bits: Bits of the index of each stage.
        codewords: Codewords of all stages, one stage after the other.

    >>> quantizer = ResidualQuantizer((1, 1), torch.tensor([[-2.0], [2.0], [-1.0], [1.0]]))
    >>> index = quantizer.quantize(torch.tensor([[2.9], [-0.8]]))
    >>> index, quantizer.reconstruct(index)
    (tensor([[1, 1],
            [0, 1]]), tensor([[ 3.],
            [-1.]]))
    """

    stage_bits: tuple[int, ...]
    codewords: Float[Tensor, "codewords dimensions"]

    def stage(self, number: int) -> Float[Tensor, "size dimensions"]:
        """Returns the codewords of a stage."""
        sizes = [2**bits for bits in self.stage_bits]
        end = list(accumulate(sizes))[number]
        return self.codewords[end - sizes[number] : end]

    def quantize(self, x: Float[Tensor, "batch dimensions"]) -> Int[Tensor, "batch stages"]:
        """Returns the indices of a reconstruction near x, found by a beam search."""
        beam = Beam.start(x)
        for number in range(len(self.stage_bits)):
            beam = beam.refine(self.stage(number))
        return beam.index[:, 0]

    def reconstruct(self, index: Int[Tensor, "batch stages"]) -> Float[Tensor, "batch dimensions"]:
        """Returns the sum of the codewords of the first stages, as many as there are indices."""
        total = self.codewords.new_zeros(len(index), self.codewords.shape[1])
        for number in range(index.shape[1]):
            total = total + self.stage(number)[index[:, number]]
        return total


@dataclass(frozen=True)
class Beam:
    """The best candidates of a search, the best first.

    Attributes:
        residual: What the candidates' codewords leave of x.
        index: Indices of the candidates.
    """

    residual: Float[Tensor, "batch beam dimensions"]
    index: Int[Tensor, "batch beam stages"]

    @classmethod
    def start(cls, x: Float[Tensor, "batch dimensions"]) -> Beam:
        """Returns the one candidate without codewords."""
        return cls(x[:, None], x.new_zeros(len(x), 1, 0, dtype=torch.int64))

    def refine(self, words: Float[Tensor, "size dimensions"]) -> Beam:
        """Returns the best candidates after one more stage."""
        distance = torch.cdist(self.residual, words.expand(len(self.residual), -1, -1)).flatten(1)
        best = distance.topk(min(BEAM, distance.shape[1]), largest=False).indices
        parent, code = best // len(words), best % len(words)
        residual = _rows(self.residual, parent) - words[code]
        return Beam(residual, torch.cat([_rows(self.index, parent), code[..., None]], 2))


def _rows(values: Tensor, parent: Tensor) -> Tensor:
    """Returns values [batch, beam, n] of each candidate's parent."""
    return values.gather(1, parent[..., None].expand(-1, -1, values.shape[2]))
