"""Linear layers of a training by oneDNN, forward and backward, instead of MKL.

torch multiplies matrices in fp32 by MKL, which on CPUs of AMD reaches less than half of the rate of
oneDNN. The three products of a layer are of one kind, so that one function makes all of them:

    y = x W^T + b,   dL/dx = g W = g (W^T)^T,   dL/dW = g^T x = g^T (x^T)^T,   g = dL/dy
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn

from semantic.weights.precision import packs_products


class _Product(torch.autograd.Function):
    """x W^T + b; the backward pass is made of the same function, so that it has a gradient too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous()  # that of a sum has one number in memory for a row
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            product(gradient, weight.t()) if of_x else None,
            product(gradient.t(), x.t()) if of_weight else None,
            gradient.sum(0) if of_bias else None,
        )


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Returns x W^T + b by oneDNN, with a gradient.

    Args:
        x: [rows, inputs] float32 on the CPU, in any memory order.
        weight: W, [outputs, inputs], in any memory order.
        bias: b, [outputs]; None for zeros.

    >>> product(torch.ones(1, 2), torch.ones(2, 3).t())
    tensor([[2., 2., 2.]])
    """
    found: Tensor = _Product.apply(x, weight, bias)  # type: ignore[no-untyped-call]
    return found


@final
class OneDnnLinear(nn.Linear):
    """A linear layer that multiplies by oneDNN. It shares all that it holds with another layer.

    Args:
        layer: The layer.
    """

    def __init__(self, layer: nn.Linear) -> None:
        self.__dict__ = layer.__dict__  # parameters, mode and hooks are one and the same

    def forward(self, x: Tensor) -> Tensor:
        """Returns the layer's output."""
        if x.ndim != 2 or x.dtype != torch.float32 or x.device.type != "cpu":
            return super().forward(x)
        return product(x, self.weight, self.bias)


@contextmanager
def onednn_products(network: nn.Module) -> Iterator[None]:
    """Multiplies by oneDNN inside a `with` block, in all linear layers of a network on the CPU.

    Results differ from those of MKL in the last bits. The network keeps its parameters, and at the
    end it has its own layers again.

    Args:
        network: The network.
    """
    replaced = []
    if packs_products():
        for module in list(network.modules()):
            for name, layer in module.named_children():
                if type(layer) is nn.Linear:
                    replaced.append((module, name, layer))
    for module, name, layer in replaced:
        setattr(module, name, OneDnnLinear(layer))
    try:
        yield
    finally:
        for module, name, layer in replaced:
            setattr(module, name, layer)
