"""Average power control."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from phy.renamed import renamed


def normalize_power(z: Tensor, uses: Tensor | int, power: float = 1.0) -> Tensor:
    """z = sqrt(P B) z~ / ||z~||_2, row by row (SMSC-FIR section 2; SemHARQ eq. 1).

    Args:
        z: [batch, positions] real or complex; positions that are not sent hold 0.
        uses: B, how many channel uses each row pays for: [batch] or a number.
        power: P, average power per channel use.

    Returns:
        z scaled to the energy P B; a row of zeros stays zero.

    >>> round(float(normalize_power(torch.tensor([[3.0, 4.0, 0.0]]), 2).square().sum()), 4)
    2.0
    """
    # Clamped before the root, whose slope at 0 would turn the gradient of an empty row into NaN.
    parts = torch.view_as_real(z).flatten(-2) if z.is_complex() else z
    norm = parts.square().sum(-1, keepdim=True).clamp_min(1e-24).sqrt()
    if isinstance(uses, Tensor):
        uses = uses[:, None].to(norm.dtype)
    return z * ((power * uses) ** 0.5 / norm)


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:  # old names, for one release
        return renamed(__name__, name)
