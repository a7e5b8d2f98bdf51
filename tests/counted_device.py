"""A device for tests: tensors say that they are not on the CPU, are there all the same, and counted.

Code that runs on them takes the branches of a GPU. Each operation for which the host would wait for
a GPU is listed: copies in either direction that block, numbers read by the host, and results
whose size depends on values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

#: The only device beside the CPU that every build of torch knows.
DEVICE = torch.device("meta")
#: Operations that give a number to the host, or a size that it needs.
READ = {
    *("_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select"),
    *("_unique2", "unique_dim", "unique_consecutive", "bincount", "repeat_interleave"),
}
COPIES = {"to", "_to_copy", "copy_", "copy"}
INDEXING = {"index", "index_put", "index_put_", "_index_put_impl_"}


class OnDevice(Tensor):
    """A tensor that says it is on `DEVICE`; its numbers are in `inner`, on the CPU."""

    inner: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner: Tensor) -> OnDevice:
        return torch.Tensor._make_wrapper_subclass(  # type: ignore[attr-defined,no-any-return]
            cls,
            inner.size(),
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=DEVICE,
        )

    def __init__(self, inner: Tensor) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        raise AssertionError(f"{func} outside of `counted`")


class Counter(TorchDispatchMode):
    """Runs operations of `OnDevice` tensors on the CPU.

    Attributes:
        waits: Operations for which the host waits, in order.
        uploads: Number of copies to the device that do not block.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.uploads = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        leaves = tree_leaves((args, kwargs or {}))
        targets = [leaf.type for leaf in leaves if isinstance(leaf, torch.device)]
        here = any(isinstance(leaf, OnDevice) for leaf in leaves)
        if not here and DEVICE.type not in targets:
            return func(*args, **(kwargs or {}))
        self._count(func, args, leaves, targets)
        args, kwargs = tree_map(_to_cpu, (args, kwargs or {}))
        found = func(*args, **kwargs)
        if "cpu" in targets:
            return found
        return tree_map(_wrapped, found)

    def _count(
        self, func: Any, args: tuple[Any, ...], leaves: list[Any], targets: list[str]
    ) -> None:
        name = func.overloadpacket.__name__
        if name in COPIES:
            up = any(isinstance(t, Tensor) and not isinstance(t, OnDevice) for t in leaves)
            if up and any(leaf is True for leaf in leaves):  # non_blocking
                self.uploads += 1
            elif up or "cpu" in targets:
                self.waits.append(f"{func} {'to' if up else 'from'} the device")
        elif name in READ or (name in INDEXING and any(map(_waits_as_index, args[1]))):
            self.waits.append(str(func))


def _wrapped(value: Any) -> Any:
    """Wraps a tensor whose conjugations are done: the wrapper does not show that they are not."""
    return OnDevice(value.resolve_conj().resolve_neg()) if isinstance(value, Tensor) else value


def _waits_as_index(index: Tensor | None) -> bool:
    """Whether an index has to be copied to the device, or its places to be counted."""
    if index is None:
        return False
    return index.dtype == torch.bool or (index.ndim > 0 and not isinstance(index, OnDevice))


def _to_cpu(value: Any) -> Any:
    if isinstance(value, OnDevice):
        return value.inner
    if isinstance(value, torch.device) and value.type == DEVICE.type:
        return torch.device("cpu")
    return value


def put_on_device(network: nn.Module) -> None:
    """Puts the parameters and buffers of a network on the device, without a gradient."""
    for module in network.modules():
        for held in (module._parameters, module._buffers):
            for name, value in held.items():
                if value is not None:
                    held[name] = OnDevice(value.detach())  # type: ignore[assignment]


@contextmanager
def counted() -> Iterator[Counter]:
    """Yields the counter of a `with` block in which the device exists."""
    with Counter() as counter:
        yield counter
