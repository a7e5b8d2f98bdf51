"""Average power control."""

from __future__ import annotations

from torch import Tensor


def normalise_power(z: Tensor, uses: Tensor | int, power: float = 1.0) -> Tensor:
    """z = sqrt(P B) z~ / ||z~||_2, row by row (SMSC-FIR section 2; SemHARQ eq. 1).

    Args:
        z: [batch, positions] real or complex; positions that are not sent hold 0.
        uses: B, how many channel uses each row pays for: [batch] or a number.
        power: P, average power per channel use.

    Returns:
        z scaled to the energy P B; a row of zeros stays zero.

    >>> import torch
    >>> normalise_power(torch.tensor([[3.0, 4.0, 0.0]]), 2).square().sum()
    tensor(2.0000)
    """
    norm = z.abs().square().sum(-1, keepdim=True).sqrt()
    if isinstance(uses, Tensor):
        uses = uses[:, None].to(norm.dtype)
    return z * ((power * uses) ** 0.5 / norm.clamp_min(1e-12))
