"""Linear layers of inputs that are zero outside some columns: the others need no product."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor, nn


@runtime_checkable
class SkipsColumns(Protocol):
    """A linear layer that can leave out columns (`semantic.weights.precision.PackedLinear`)."""

    def of_columns(
        self, x: Float[Tensor, "rows inputs"], columns: Int[Tensor, " some"]
    ) -> Float[Tensor, "rows outputs"]:
        """Returns the output for inputs that are zero outside some columns."""


def linear(
    layer: nn.Module, x: Float[Tensor, "rows inputs"], columns: Int[Tensor, " some"] | None
) -> Float[Tensor, "rows outputs"]:
    """Returns the output of a linear layer.

    Args:
        layer: The layer.
        x: Its inputs; with `columns`, those at the columns alone.
        columns: Ascending places of the inputs in each part, as `SkipsColumns` takes them; None for
            all inputs.

    >>> import torch
    >>> linear(nn.Identity(), torch.ones(1, 2), None)
    tensor([[1., 1.]])
    """
    if columns is None:
        found: Tensor = layer(x)
        return found
    assert isinstance(layer, SkipsColumns)
    return layer.of_columns(x, columns)
