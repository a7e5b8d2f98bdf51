"""Backbones of timm, with a stand-in for the library, which does not import beside every torch."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn

from semantic.encoder.densenet import DenseNet121
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.encoder.timm import TimmBackbone, build_backbone
from semantic.weights.files import save_weights
from semantic.weights.stored import load_encoder


class Body(nn.Module):
    """What timm gives: pooled features without a classifier."""

    num_features = 7

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 3)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.conv(x).mean((2, 3))
        return pooled


@pytest.fixture
def timm(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("timm")

    def create_model(name: str, pretrained: bool, num_classes: int) -> nn.Module:
        assert (name, pretrained, num_classes) == ("resnet50", False, 0)
        return Body()

    vars(module).update(
        create_model=create_model,
        is_model=lambda name: name == "resnet50",
        list_models=lambda: ["resnet50", "vit_base"],
    )
    monkeypatch.setitem(sys.modules, "timm", module)


def test_the_default_is_densenet() -> None:
    assert isinstance(build_backbone("densenet121"), DenseNet121)


@pytest.mark.usefixtures("timm")
def test_a_network_of_timms_gives_s(tmp_path: Path) -> None:
    network = MultiTaskNetwork(4, "timm:resnet50").eval()
    assert isinstance(network.encoder, TimmBackbone)
    x = torch.randn(2, 3, 32, 32)
    assert network(x).shape == (2, 1024)
    assert (network(x) >= 0).all()
    config = {"identities": 4, "image_size": 32, "backbone": "timm:resnet50"}
    save_weights(tmp_path / "encoder.safetensors", network, config)
    back = load_encoder(str(tmp_path)).network
    assert torch.allclose(back(x), network(x), atol=1e-2)


@pytest.mark.usefixtures("timm")
def test_a_network_that_timm_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"timm has no network 'resnet5'.*resnet50"):
        build_backbone("timm:resnet5")


def test_without_timm_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # an import of it fails
    with pytest.raises(ValueError, match=r"pip install 'semharq-sim\[backbones\]'") as caught:
        build_backbone("timm:resnet50")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["resnet50", "timm:", "densenet"])
def test_unknown_backbones(name: str) -> None:
    with pytest.raises(ValueError, match="allowed: densenet121, timm:NAME, or module:Class"):
        build_backbone(name)
