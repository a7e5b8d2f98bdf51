"""The precision of matrix products: fp32, or bf16 with sums in fp32.

bf16 keeps 8 significant bits of a number. Weights and inputs of the products are rounded to bf16;
everything else, such as batch normalization behind a linear layer, entropies and thresholds, stays
in fp32. The encoder is computed in bf16 as a whole, and its output is fp32 again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, final

import torch
from torch import Tensor, nn

from semantic.tiles import TILE

#: Sets of columns for which a layer keeps packed weights: those of G_max transmissions by default.
KEPT_COLUMNS = 4

Precision = Literal["fp32", "bf16"]


def choose_precision(precision: str, device: str) -> Precision:
    """Returns the precision that a run uses.

    Args:
        precision: "fp32", "bf16", or "auto" for bf16 where the device multiplies bf16 faster.
        device: Torch device.

    >>> choose_precision("bf16", "cpu")
    'bf16'
    """
    if precision == "auto":
        return "bf16" if multiplies_bf16(device) else "fp32"
    return "bf16" if precision == "bf16" else "fp32"


def multiplies_bf16(device: str) -> bool:
    """Whether a device has instructions for products in bf16."""
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(bool(found.get(name)) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@final
class Bf16Linear(nn.Module):
    """A linear layer whose inputs and weights are rounded to bf16; its output is fp32.

    Args:
        linear: The layer in fp32.

    >>> layer = Bf16Linear(nn.Linear(3, 2))
    >>> layer(torch.zeros(1, 3)).dtype
    torch.float32
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight.detach().bfloat16())
        bias = None if linear.bias is None else linear.bias.detach().bfloat16()
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Returns the layer's output."""
        return nn.functional.linear(x.bfloat16(), self.weight, self.bias).float()


@final
class Bf16Encoder(nn.Module):
    """An encoder that computes in bf16; images and s are fp32.

    Args:
        encoder: The network, whose numbers are rounded in place.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder.bfloat16()

    def forward(self, x: Tensor) -> Tensor:
        """Returns s."""
        s: Tensor = self.encoder(x.bfloat16())
        return s.float()


@final
class PackedLinear(nn.Module):
    """A linear layer in fp32 whose weights oneDNN has packed once for the rows of a tile.

    On CPUs of AMD it is 2.4 times as fast as torch's own layer, which calls MKL there.

    Args:
        linear: The layer.
        rows: Rows of the tiles for which the weights are packed.

    >>> layer = nn.Linear(3, 2)
    >>> x = torch.ones(4, 3)
    >>> bool((PackedLinear(layer, 4)(x) - layer(x)).abs().max() < 1e-6)
    True
    """

    def __init__(self, linear: nn.Linear, rows: int = TILE) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.rows = rows
        self._packed: tuple[Tensor, int, Tensor] | None = None
        self._columns: list[tuple[Tensor, Tensor, int, list[Tensor]]] = []

    def forward(self, x: Tensor) -> Tensor:
        """Returns the layer's output; where a gradient is wanted, that of torch's own layer."""
        if torch.is_grad_enabled():
            return nn.functional.linear(x, self.weight, self.bias)
        found: Tensor = torch.ops.mkldnn._linear_pointwise(
            x.contiguous(), self.packed(), self.bias, "none", [], ""
        )
        return found

    def of_columns(self, x: Tensor, columns: Tensor) -> Tensor:
        """Returns the output for inputs that are zero outside some columns; for inference alone.

        An input has one or several parts of equal width, which are multiplied one by one: so the
        terms are added in the order in which the whole product adds them.

        Args:
            x: [rows, parts n] the inputs at the columns of each part, part after part.
            columns: [n] int64, ascending places in a part. The weights of the latest
                `KEPT_COLUMNS` objects are kept.

        >>> layer, columns = PackedLinear(nn.Linear(6, 2), 4), torch.tensor([0, 2])
        >>> x = torch.rand(4, 2, 3) * torch.tensor([1.0, 0.0, 1.0])  # two parts
        >>> with torch.inference_mode():
        ...     some = layer.of_columns(x[:, :, columns].flatten(1), columns)
        ...     bool((some - layer(x.flatten(1))).abs().max() < 1e-6)
        True
        """
        weights = self._packed_columns(columns, x.shape[1] // len(columns))
        multiply = torch.ops.mkldnn._linear_pointwise
        terms = [
            multiply(part.contiguous(), weight, None, "none", [], "")
            for part, weight in zip(x.split(len(columns), 1), weights, strict=True)
        ]
        total: Tensor = sum(terms[1:], terms[0])
        return total if self.bias is None else total + self.bias

    def _packed_columns(self, columns: Tensor, parts: int) -> list[Tensor]:
        for known, weight, version, packed in self._columns:
            if known is columns and weight is self.weight and version == self._weight_version:
                return packed
        pieces = self.weight.detach().unflatten(1, (parts, -1))[:, :, columns].unbind(1)
        reorder = torch.ops.mkldnn._reorder_linear_weight
        packed = [reorder(piece.contiguous(), self.rows) for piece in pieces]
        # A new list, because the threads of a worker share it.
        entry = columns, self.weight, self._weight_version, packed
        self._columns = [*self._columns[-KEPT_COLUMNS + 1 :], entry]
        return packed

    @property
    def _weight_version(self) -> int:
        return 0 if self.weight.is_inference() else self.weight._version

    def packed(self) -> Tensor:
        """Returns the packed weights: made at the first call, and again when the weights change."""
        version = self._weight_version
        if self._packed is None or self._packed[0] is not self.weight or self._packed[1] != version:
            packed = torch.ops.mkldnn._reorder_linear_weight(self.weight, self.rows)
            self._packed = self.weight, version, packed
        return self._packed[2]

    def __getstate__(self) -> dict[str, Any]:
        """A copy packs its own weights: packed ones cannot be copied."""
        return {**self.__dict__, "_packed": None, "_columns": []}


def packs_products() -> bool:
    """Returns whether this build of torch has oneDNN and its packed linear layer."""
    known = ("_reorder_linear_weight", "_linear_pointwise")
    return torch.backends.mkldnn.is_available() and all(
        hasattr(torch.ops.mkldnn, name) for name in known
    )


def pack_products(network: nn.Module, device: str) -> None:
    """Packs every linear layer of a network on a CPU that has oneDNN; for inference alone."""
    if device == "cpu" and packs_products():
        replace_linear(network, PackedLinear)


def round_products(network: nn.Module) -> None:
    """Replaces every linear layer of a network by one in bf16; for inference alone."""
    replace_linear(network, Bf16Linear)


def replace_linear(network: nn.Module, kind: Callable[[nn.Linear], nn.Module]) -> None:
    """Replaces every linear layer of a network."""
    for name, child in network.named_children():
        if isinstance(child, nn.Linear):
            setattr(network, name, kind(child))
        else:
            replace_linear(child, kind)
