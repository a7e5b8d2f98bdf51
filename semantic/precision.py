"""The precision of matrix products: fp32, or bf16 with sums in fp32.

bf16 keeps 8 significant bits of a number. Weights and inputs of the products are rounded to bf16;
everything else, such as batch normalization behind a linear layer, entropies and thresholds, stays
in fp32. The encoder is computed in bf16 as a whole, and its output is fp32 again.
"""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn

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


def round_products(network: nn.Module) -> None:
    """Replaces every linear layer of a network by one in bf16; for inference alone."""
    for name, child in network.named_children():
        if isinstance(child, nn.Linear):
            setattr(network, name, Bf16Linear(child))
        else:
            round_products(child)
