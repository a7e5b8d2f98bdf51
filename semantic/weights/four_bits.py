"""Matrices in four bits a number: blocks of 32 numbers share a scale in half precision.

A network that was trained to work through a noisy channel does not notice (docs/results.md), and a
quarter of half precision's bytes leaves room for the weights of every scheme in one package.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Numbers that share a scale.
BLOCK = 32
#: Scales that are tried, as shares of the one with which a block's largest number just fits.
SHRINK = (1.0, 0.9, 0.8, 0.7)


def fits(matrix: Tensor) -> bool:
    """Whether a tensor can be stored in this way: a matrix of whole blocks."""
    return matrix.ndim == 2 and matrix.shape[1] % BLOCK == 0


def to_four_bits(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Rounds each block with the scale, of those tried, that leaves the least squared error.

    What has been rounded once stays as it is: its largest number is 7 times its scale.

    Args:
        matrix: [rows, columns], columns a multiple of `BLOCK`.

    Returns:
        (uint8 [rows, columns / 2], two numbers -7 ... 7 a byte, each plus 7, the even column in the
        low bits; float16 [rows, columns / BLOCK] scales)
    """
    rows = len(matrix)
    blocks = matrix.detach().float().reshape(-1, BLOCK)
    largest = blocks.abs().amax(1, keepdim=True)
    # Never 0: a block of zeros has some scale too.
    scales = [(largest * c / 7).half().float().clamp_min(2.0**-24) for c in SHRINK]
    codes = [(blocks / scale).round().clamp(-7, 7) for scale in scales]
    pairs = zip(codes, scales, strict=True)
    errors = torch.stack([(code * scale - blocks).square().sum(1) for code, scale in pairs])
    best = errors.argmin(0)
    each = torch.arange(len(blocks), device=best.device)
    code = (torch.stack(codes)[best, each] + 7).to(torch.uint8).view(rows, -1)
    scale = torch.stack(scales)[best, each].half().view(rows, -1)
    return code[:, 0::2] | (code[:, 1::2] << 4), scale


def from_four_bits(packed: Tensor, scale: Tensor) -> Tensor:
    """The float32 matrix [rows, columns] of what `to_four_bits` gives.

    >>> matrix = torch.linspace(-7, 7, 15).repeat(64)[:64].view(2, 32)
    >>> torch.equal(from_four_bits(*to_four_bits(matrix)), matrix)
    True
    """
    code = torch.stack([packed & 15, packed >> 4], 2).flatten(1).float() - 7
    return code * scale.float().repeat_interleave(BLOCK, 1)
