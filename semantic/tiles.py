"""Inference in tiles of one fixed shape, so that no row's result depends on the batch size.

The order of summation in a matrix product depends on the shapes. The same row in a batch of 16 and
of 256 may therefore differ in the last bit, and a threshold decision may then differ as well. Here
every product of an evaluation has the same number of rows; the last tile is padded with zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

#: Rows of a tile. On a CPU, 128 rows reach 95 % of the rate of the largest products, and fewer rows
#: of the last tile are padding than with 256 (docs/performance.md).
TILE = 128
#: Rows of a tile on other devices: as many as a batch of a learned scheme has. It is one number for
#: all GPUs, so that a result depends on the kind of device and not on its memory.
DEVICE_TILE = 1024

Rows = TypeVar("Rows", Tensor, tuple[Tensor, ...])


def tile_of(device: str) -> int:
    """Returns the rows of a tile on a kind of device, e.g. "cuda".

    >>> tile_of("cpu"), tile_of("cuda")
    (128, 1024)
    """
    return TILE if device == "cpu" else DEVICE_TILE


def in_tiles(function: Callable[..., Rows], *rows: Tensor, tile: int | None = None) -> Rows:
    """Computes function(*rows), `tile` rows at a time.

    Args:
        function: Maps tensors [tile, ...] to a tensor or a (named) tuple of tensors [tile, ...].
        rows: Tensors that share the leading axis "batch", at least one row.
        tile: Number of rows per call; None for that of the device.

    Returns:
        The output of `function` with leading axis "batch".

    >>> in_tiles(lambda x: x.square(), torch.arange(3), tile=2)
    tensor([0, 1, 4])
    """
    batch = len(rows[0])
    if tile is None:
        tile = tile_of(rows[0].device.type)
    found: list[Tensor] = []
    for start in range(0, batch, tile):
        part = [value[start : start + tile] for value in rows]
        have = len(part[0])
        if have < tile:
            part = [torch.cat([v, v.new_zeros(tile - have, *v.shape[1:])]) for v in part]
        outputs = function(*part)
        columns = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
        # One output of a tile is in memory beside the whole, not all of them.
        found = found or [column.new_empty(batch, *column.shape[1:]) for column in columns]
        for whole, column in zip(found, columns, strict=True):
            whole[start : start + have] = column[:have]
    if isinstance(outputs, Tensor):
        return found[0]
    kind = type(outputs)
    return kind(*found) if hasattr(kind, "_fields") else kind(found)
