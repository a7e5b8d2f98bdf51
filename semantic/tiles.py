"""Inference in tiles of one fixed shape, so that a row's result does not depend on its company.

Matrix products choose their order of summation by shape: the same row in a batch of 16 and of 256
may differ in the last bit, and a decision at a threshold turns that into another result. Every
product of an evaluation therefore has the same number of rows, the last tile padded with zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

TILE = 64

Rows = TypeVar("Rows", Tensor, tuple[Tensor, ...])


def in_tiles(function: Callable[..., Rows], *rows: Tensor, tile: int = TILE) -> Rows:
    """function(*rows), computed `tile` rows at a time.

    Args:
        function: Maps tensors [tile, ...] to a tensor or a (named) tuple of tensors [tile, ...].
        rows: Tensors that share the leading axis "batch", at least one row.
        tile: Rows per call.

    Returns:
        What `function` gives, leading axis "batch".
    """
    batch = len(rows[0])
    parts = []
    for start in range(0, batch, tile):
        part = [value[start : start + tile] for value in rows]
        missing = tile - len(part[0])
        if missing:
            part = [torch.cat([v, v.new_zeros(missing, *v.shape[1:])]) for v in part]
        parts.append(function(*part))
    if isinstance(parts[0], Tensor):
        return torch.cat(parts)[:batch]
    columns = [torch.cat(column)[:batch] for column in zip(*parts, strict=True)]
    kind = type(parts[0])
    return kind(*columns) if hasattr(kind, "_fields") else kind(columns)
