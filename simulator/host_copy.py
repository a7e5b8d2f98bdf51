"""Copies of a batch's tensors from the device to the host: all of them in one copy.

Each copy waits for the device. A transmission therefore makes one, which the ledger and the loop
over transmissions read.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def on_host(*values: Any) -> tuple[Any, ...]:
    """Returns named tuples of tensors with all tensors on the host; on a CPU the same tensors.

    Args:
        values: Named tuples of tensors [rows, ...] with one number of rows, or None. Whole numbers
            are below 2^53 in magnitude.

    >>> from simulator.scheme import no_request
    >>> answer = no_request(torch.tensor([True]))
    >>> on_host(answer)[0].ack is answer.ack
    True
    """
    tensors = {id(t): t for value in values for t in value if t is not None}
    away = {key: t for key, t in tensors.items() if t.device.type != "cpu"}
    parts = {key: _real(t).reshape(len(t), -1).double() for key, t in away.items()}
    if parts:
        joined = torch.cat(list(parts.values()), 1).cpu()
        pieces = joined.split([part.shape[1] for part in parts.values()], 1)
        for (key, there), piece in zip(away.items(), pieces, strict=True):
            tensors[key] = _like(there, piece)
    found = []
    for value in values:
        columns = [None if t is None else tensors[id(t)] for t in value]
        found.append(type(value)(*columns))
    return tuple(found)


def _real(value: Tensor) -> Tensor:
    return torch.view_as_real(value) if value.is_complex() else value


def _like(there: Tensor, piece: Tensor) -> Tensor:
    """Returns a piece [rows, numbers] of the copy in shape and type of the tensor on the device."""
    if there.is_complex():
        pairs = piece.reshape(*there.shape, 2)
        return torch.view_as_complex(pairs.contiguous()).to(there.dtype)
    return piece.reshape(there.shape).to(there.dtype)
