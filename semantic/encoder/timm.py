"""Backbones by name: DenseNet-121, one of the optional library timm (`--backbone timm:NAME`), or one
of the user's own (`--backbone module:Class`)."""

from __future__ import annotations

import importlib
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.encoder.densenet import DenseNet121
from semantic.encoder.own import OwnBackbone, is_own
from semantic.suggest import nearest

#: Name of the default backbone.
DENSENET = "densenet121"


class TimmBackbone(nn.Module):
    """A network of timm without its classifier, followed by FC 1024, ReLU.

    Args:
        name: Name of the network in timm, e.g. "resnet50".

    Raises:
        ValueError: timm is not installed, or it has no network of this name.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        timm = _timm()
        if not timm.is_model(name):
            raise ValueError(f"timm has no network {name!r}; {nearest(name, timm.list_models())}")
        self.body = timm.create_model(name, pretrained=False, num_classes=0)
        self.head = nn.Linear(self.body.num_features, SEMANTIC_FEATURES)

    def forward(self, x: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch N"]:
        """Returns s of normalized images."""
        s: Tensor = self.head(self.body(x)).relu()
        return s


def build_backbone(name: str) -> nn.Module:
    """Builds an encoder by its name: "densenet121", "timm:" and a name of timm, or "module:Class".

    The code of a user's own module is executed: whoever takes the name from a file has to ask first,
    see `semantic.weights.stored.trusted_backbone`.

    Raises:
        ValueError: The name is unknown.

    >>> build_backbone("densenet")
    Traceback (most recent call last):
    ValueError: unknown backbone 'densenet'; allowed: densenet121, timm:NAME, or module:Class
    """
    if name == DENSENET:
        return DenseNet121()
    if is_own(name):
        return OwnBackbone(name)
    kind, _, rest = name.partition(":")
    if kind != "timm" or not rest:
        raise ValueError(
            f"unknown backbone {name!r}; allowed: {DENSENET}, timm:NAME, or module:Class"
        )
    return TimmBackbone(rest)


def _timm() -> Any:
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision for another torch
        raise ValueError(
            f"backbones of timm need `pip install 'semharq-sim[backbones]'`: {error}"
        ) from None
