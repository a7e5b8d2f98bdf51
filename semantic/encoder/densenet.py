"""The multi-task semantic encoder: DenseNet-121, x -> s."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from semantic.conventions import SEMANTIC_FEATURES

GROWTH, BOTTLENECK, STEM = 32, 4, 64
BLOCKS = (6, 12, 24, 16)

#: Mean and standard deviation of ImageNet's RGB channels, on which the pretrained weights rely.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class DenseLayer(nn.Module):
    """BN-ReLU-Conv1x1-BN-ReLU-Conv3x3 whose output is appended to its input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, BOTTLENECK * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * GROWTH)
        self.conv2 = nn.Conv2d(BOTTLENECK * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """[batch, channels, h, w] -> [batch, channels + 32, h, w]."""
        new = self.conv1(functional.relu(self.norm1(x)))
        new = self.conv2(functional.relu(self.norm2(new)))
        return torch.cat([x, new], 1)


class DenseNet121(nn.Module):
    """DenseNet-121 without its classifier: [batch, 3, h, w] -> s [batch, 1024].

    ```
    x -> conv7x7/2, pool/2 -> 6 layers -> /2 -> 12 -> /2 -> 24 -> /2 -> 16 -> ReLU -> mean -> s
    ```

    Parameter names are torchvision's, so that its ImageNet file loads (`load_imagenet`).

    Source: Huang et al., "Densely connected convolutional networks", CVPR 2017, Table 1.
    """

    features_out = SEMANTIC_FEATURES

    def __init__(self) -> None:
        super().__init__()
        channels = STEM
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, STEM, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(STEM),
            relu0=nn.ReLU(),
            pool0=nn.MaxPool2d(3, 2, 1),
        )
        for block, layers in enumerate(BLOCKS, start=1):
            dense: OrderedDict[str, nn.Module] = OrderedDict()
            for layer in range(1, layers + 1):
                dense[f"denselayer{layer}"] = DenseLayer(channels)
                channels += GROWTH
            parts[f"denseblock{block}"] = nn.Sequential(dense)
            if block < len(BLOCKS):
                parts[f"transition{block}"] = nn.Sequential(
                    OrderedDict[str, nn.Module](
                        norm=nn.BatchNorm2d(channels),
                        relu=nn.ReLU(),
                        conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
                        pool=nn.AvgPool2d(2, 2),
                    )
                )
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def feature_maps(self, x: Tensor) -> Tensor:
        """The last layer's maps [batch, 1024, h/32, w/32], after ReLU (Grad-CAM reads these)."""
        maps: Tensor = functional.relu(self.features(x))
        return maps

    def forward(self, x: Tensor) -> Tensor:
        """Normalized images [batch, 3, h, w] -> s [batch, 1024], the maps' spatial means."""
        return self.feature_maps(x).mean((2, 3))


def normalize(pixels: Tensor) -> Tensor:
    """uint8 pixels [batch, h, w, 3] -> normalized float images [batch, 3, h, w]."""
    mean = torch.tensor(IMAGENET_MEAN, device=pixels.device)
    std = torch.tensor(IMAGENET_STD, device=pixels.device)
    scaled = (pixels.to(torch.float32) / 255 - mean) / std
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def torchvision_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A DenseNet state dict with today's names, its classifier left out.

    The published file still carries names of 2017 (`norm.1` for `norm1`).

    >>> list(torchvision_names({"features.denseblock1.denselayer1.norm.1.weight": torch.ones(1)}))
    ['features.denseblock1.denselayer1.norm1.weight']
    """
    return {
        re.sub(r"\.(norm|relu|conv)\.([12])\.", r".\1\2.", name): value
        for name, value in state.items()
        if not name.startswith("classifier.")
    }
