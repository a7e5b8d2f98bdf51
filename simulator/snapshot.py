"""Copies of the inputs of a call, which show whether the call has written into them.

A user's own part gets tensors and arrays that other parts use as well. Torch cannot write-protect
a tensor, and the version counter of a tensor sees neither the tensors of inference mode nor a write
through numpy. Therefore the inputs are copied before a call and compared after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from simulator.scheme import Shared


class Snapshot:
    """Copies of all tensors and arrays in some inputs.

    Args:
        inputs: The inputs by name: tensors, arrays, or dicts, lists, tuples and dataclasses of them.
            Other values are not copied.
    """

    def __init__(self, **inputs: Any) -> None:
        found = (entry for name, value in inputs.items() for entry in _arrays(name, value))
        self._copies = [(name, value, _copy(value)) for name, value in found]

    def restore(self) -> str | None:
        """Undoes every write, and returns the name of the first input that was written into.

        >>> x = torch.zeros(2)
        >>> before = Snapshot(x=x)
        >>> x.add_(1)
        tensor([1., 1.])
        >>> before.restore(), x, before.restore()
        ('x', tensor([0., 0.]), None)
        """
        written = [entry for entry in self._copies if not _equal(entry[1], entry[2])]
        for _, value, copy in written:
            with suppress(RuntimeError, ValueError):  # e.g. an expanded tensor
                _assign(value, copy)
        return written[0][0] if written else None

    def refuse(self, part: str, call: str) -> None:
        """Undoes every write into the inputs.

        Args:
            part: Kind and name of the part that was called, for the message.
            call: Name of the method.

        Raises:
            ValueError: One line that names part, method and input, if there was a write.
        """
        name = self.restore()
        if name is not None:
            raise ValueError(
                f"{part}: {call} writes into its input {name}; compute new values, or copy it first"
            )


@contextmanager
def unchanged(part: str, call: str, **inputs: Any) -> Iterator[None]:
    """Refuses a call in its body that writes into the inputs.

    Raises:
        ValueError: See `Snapshot.refuse`.
    """
    before = Snapshot(**inputs)
    yield
    before.refuse(part, call)


def _arrays(name: str, value: Any) -> Iterator[tuple[str, Tensor | np.ndarray]]:
    """Yields every tensor and array in a value, with its name."""
    if isinstance(value, Tensor):
        if value.device.type != "meta":
            yield name, value
    elif isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _arrays(f"{name}[{key!r}]", entry)
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        for key, entry in zip(value._fields, value, strict=True):
            yield from _arrays(f"{name}.{key}", entry)
    elif isinstance(value, (list, tuple)):
        for place, entry in enumerate(value):
            yield from _arrays(f"{name}[{place}]", entry)
    elif is_dataclass(value) and not isinstance(value, (type, Shared)):
        for field in fields(value):
            yield from _arrays(f"{name}.{field.name}", getattr(value, field.name))


def _copy(value: Tensor | np.ndarray) -> Tensor | np.ndarray:
    return value.detach().clone() if isinstance(value, Tensor) else value.copy()


def _equal(value: Tensor | np.ndarray, copy: Any) -> bool:
    """Whether two tensors or arrays are equal, bit for bit where they hold NaN."""
    if isinstance(value, np.ndarray):
        return np.array_equal(value, copy) or value.tobytes() == copy.tobytes()
    if value.shape != copy.shape or value.dtype != copy.dtype:
        return False
    return torch.equal(value.detach(), copy) or torch.equal(_bytes(value), _bytes(copy))


def _bytes(value: Tensor) -> Tensor:
    plain = value.detach().resolve_conj().resolve_neg().contiguous()
    return plain.reshape(-1).view(torch.uint8)


@torch.no_grad()
def _assign(value: Tensor | np.ndarray, copy: Any) -> None:
    if isinstance(value, Tensor):
        value.copy_(copy)
    else:
        value[...] = copy
