"""Average power control."""

from __future__ import annotations

import torch
from jaxtyping import Inexact, Shaped
from torch import Tensor


def normalize_power(
    z: Inexact[Tensor, "batch positions"],
    uses: Shaped[Tensor, " batch"] | int,
    power: float = 1.0,
) -> Inexact[Tensor, "batch positions"]:
    """Scales each row to a given energy: z = sqrt(P B) z~ / ||z~||_2.

    Source: SMSC-FIR section 2; SemHARQ equation 1.

    Args:
        z: [batch, positions] real or complex; positions that are not sent are 0.
        uses: Number of channel uses B of each row: [batch] or one number.
        power: Average power P per channel use.

    Returns:
        z with the energy P B in each row; a row of zeros remains zero.

    >>> round(float(normalize_power(torch.tensor([[3.0, 4.0, 0.0]]), 2).square().sum()), 4)
    2.0
    """
    # Clamped before the square root: its slope at 0 would make the gradient of an empty row NaN.
    parts = torch.view_as_real(z).flatten(-2) if z.is_complex() else z
    norm = parts.square().sum(-1, keepdim=True).clamp_min(1e-24).sqrt()
    if isinstance(uses, Tensor):
        uses = uses[:, None].to(norm.dtype)
    return z * ((power * uses) ** 0.5 / norm)
