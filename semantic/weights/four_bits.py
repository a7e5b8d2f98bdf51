"""Matrices in four bits per number: blocks of 32 numbers share a scale in half precision.

Networks trained for a noisy channel lose nothing by it (docs/results.md). The files are a quarter as
large as in half precision, so that one package can hold the weights of all schemes.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Float16, Float32, UInt8
from torch import Tensor

#: Numbers that share a scale.
BLOCK = 32
#: Blocks that are rounded at once: their tensors fit into a core's cache.
CHUNK = 2048
#: Candidate scales, as shares of the scale at which a block's largest number just fits.
SHRINK = (1.0, 0.9, 0.8, 0.7)


def fits(matrix: Tensor) -> bool:
    """Returns whether a tensor can be stored in four bits: a matrix of whole blocks.

    >>> fits(torch.zeros(3, 64)), fits(torch.zeros(3, 65))
    (True, False)
    """
    return matrix.ndim == 2 and matrix.shape[1] % BLOCK == 0


def to_four_bits(
    matrix: Float[Tensor, "rows columns"],
) -> tuple[UInt8[Tensor, "rows bytes"], Float16[Tensor, "rows blocks"]]:
    """Rounds each block with the candidate scale that gives the least squared error.

    Rounding is idempotent: the largest number of a rounded block is 7 times its scale.

    Args:
        matrix: Matrix whose number of columns is a multiple of `BLOCK`.

    Returns:
        Two numbers -7 ... 7 in each byte, each plus 7, the even column in the low bits; and the
        scale of each block.

    >>> packed, scale = to_four_bits(torch.full((1, 32), -7.0))
    >>> packed.unique(), scale
    (tensor([0], dtype=torch.uint8), tensor([[1.]], dtype=torch.float16))
    """
    rows = len(matrix)
    parts = matrix.detach().float().reshape(-1, BLOCK).split(CHUNK)
    codes, scales = zip(*map(_round_blocks, parts), strict=True)
    code, scale = torch.cat(codes).view(rows, -1), torch.cat(scales).view(rows, -1)
    return code[:, 0::2] | (code[:, 1::2] << 4), scale


def _round_blocks(
    blocks: Float32[Tensor, "blocks 32"],
) -> tuple[UInt8[Tensor, "blocks 32"], Float16[Tensor, "blocks 1"]]:
    """Returns the numbers of each block plus 7, and its best scale."""
    largest = blocks.abs().amax(1, keepdim=True)
    # Never 0: a block of zeros has a scale as well.
    scales = [(largest * c / 7).half().float().clamp_min(2.0**-24) for c in SHRINK]
    codes = [(blocks / scale).round().clamp(-7, 7) for scale in scales]
    pairs = zip(codes, scales, strict=True)
    errors = torch.stack([(code * scale - blocks).square().sum(1) for code, scale in pairs])
    best = errors.argmin(0)
    each = torch.arange(len(blocks), device=best.device)
    code = (torch.stack(codes)[best, each] + 7).to(torch.uint8)
    return code, torch.stack(scales)[best, each].half()


def from_four_bits(
    packed: UInt8[Tensor, "rows bytes"], scale: Float[Tensor, "rows blocks"]
) -> Float32[Tensor, "rows columns"]:
    """Returns the matrix of the bytes and scales that `to_four_bits` gives.

    >>> matrix = torch.linspace(-7, 7, 15).repeat(64)[:64].view(2, 32)
    >>> torch.equal(from_four_bits(*to_four_bits(matrix)), matrix)
    True
    """
    matrix = torch.stack([packed & 15, packed >> 4], 2).flatten(1).float().sub_(7)
    matrix.unflatten(1, (-1, BLOCK)).mul_(scale.float()[:, :, None])  # in place: it is large
    return matrix
