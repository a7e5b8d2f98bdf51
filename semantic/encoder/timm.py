"""Other backbones, from the optional library timm: `--backbone timm:NAME`."""

from __future__ import annotations

import importlib
from typing import Any

from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.encoder.densenet import DenseNet121
from semantic.suggest import nearest

#: N, the length of s.
WIDTH = SEMANTIC_FEATURES
DENSENET = "densenet121"


class TimmBackbone(nn.Module):
    """A network of timm's without its classifier, then FC 1024, ReLU.

    Args:
        name: As timm knows it, e.g. "resnet50".

    Raises:
        ValueError: When timm is not there or knows no such network.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        timm = _timm()
        if not timm.is_model(name):
            raise ValueError(f"timm has no network {name!r}; {nearest(name, timm.list_models())}")
        self.body = timm.create_model(name, pretrained=False, num_classes=0)
        self.head = nn.Linear(self.body.num_features, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Normalized images [batch, 3, h, w] -> s [batch, 1024]."""
        s: Tensor = self.head(self.body(x)).relu()
        return s


def build_backbone(name: str) -> nn.Module:
    """The encoder by name: "densenet121", or "timm:" and a name of timm's.

    Raises:
        ValueError: For any other name.
    """
    if name == DENSENET:
        return DenseNet121()
    kind, _, rest = name.partition(":")
    if kind != "timm" or not rest:
        raise ValueError(f"unknown backbone {name!r}; allowed: {DENSENET}, or timm:NAME")
    return TimmBackbone(rest)


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision for another torch
        raise ValueError(
            f"backbones of timm need `pip install 'semharq-sim[backbones]'`: {error}"
        ) from None
