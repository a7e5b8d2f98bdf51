"""A fast test for infinities and NaN in large tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def all_finite(values: Tensor) -> bool:
    """Returns whether all numbers of a tensor are finite.

    An infinity or a NaN survives a sum, so that one pass without memory of its own is enough where
    all is well. `torch.isfinite` makes two more tensors of the size.

    >>> all_finite(torch.ones(2)), all_finite(torch.tensor([torch.inf, -torch.inf]))
    (True, False)
    >>> all_finite(torch.full((2,), 3e38)), all_finite(torch.full((2,), 1e308, dtype=torch.float64))
    (True, True)
    """
    total = values.sum(dtype=torch.float64)
    return bool(total.isfinite()) or bool(values.isfinite().all())
