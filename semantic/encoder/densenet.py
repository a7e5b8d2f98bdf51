"""The multi-task semantic encoder: DenseNet-121, x -> s."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional

#: Channels that a layer adds; width of a layer's 1x1 convolution over them; channels of the stem.
GROWTH, BOTTLENECK, STEM = 32, 4, 64
#: Layers of each dense block.
BLOCKS = (6, 12, 24, 16)

#: Mean and standard deviation of ImageNet's RGB channels, which the pretrained weights assume.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class DenseLayer(nn.Module):
    """BN-ReLU-Conv1x1-BN-ReLU-Conv3x3; the output is appended to the input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, BOTTLENECK * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(BOTTLENECK * GROWTH)
        self.conv2 = nn.Conv2d(BOTTLENECK * GROWTH, GROWTH, 3, padding=1, bias=False)

    def forward(self, x: Float[Tensor, "batch channels h w"]) -> Float[Tensor, "batch more h w"]:
        """Returns x with 32 more channels."""
        # In place: nothing else reads what a normalization returns.
        new = self.conv1(functional.relu(self.norm1(x), inplace=True))
        new = self.conv2(functional.relu(self.norm2(new), inplace=True))
        return torch.cat([x, new], 1)


class DenseNet121(nn.Module):
    """DenseNet-121 without its classifier: [batch, 3, h, w] -> s [batch, 1024].

    ```
    x -> conv7x7/2, pool/2 -> 6 layers -> /2 -> 12 -> /2 -> 24 -> /2 -> 16 -> ReLU -> mean -> s
    ```

    Parameter names are those of torchvision, so that `load_imagenet` can load its file.

    Source: Huang et al., "Densely connected convolutional networks", CVPR 2017, Table 1.

    >>> sum(p.numel() for p in DenseNet121().parameters())
    6953856
    """

    def __init__(self) -> None:
        super().__init__()
        channels = STEM
        parts: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, STEM, 7, 2, 3, bias=False),
            norm0=nn.BatchNorm2d(STEM),
            relu0=nn.ReLU(inplace=True),
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
                        relu=nn.ReLU(inplace=True),
                        conv=nn.Conv2d(channels, channels // 2, 1, bias=False),
                        pool=nn.AvgPool2d(2, 2),
                    )
                )
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(parts)
        for module in self.modules():
            # On the meta device `normal_` would import all of torch._dynamo: two seconds for nothing.
            if isinstance(module, nn.Conv2d) and not module.weight.is_meta:
                nn.init.kaiming_normal_(module.weight)

    def feature_maps(
        self, x: Float[Tensor, "batch 3 h w"]
    ) -> Float[Tensor, "batch 1024 rows columns"]:
        """Returns the maps of the last layer after ReLU, at 1/32 of the resolution."""
        maps: Tensor = functional.relu(self.features(x), inplace=True)
        return maps

    def forward(self, x: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch 1024"]:
        """Returns s of normalized images: the spatial means of the last maps."""
        return self.feature_maps(x).mean((2, 3))


def normalize(pixels: UInt8[Tensor, "batch h w 3"]) -> Float[Tensor, "batch 3 h w"]:
    """Returns normalized images of 8-bit pixels.

    >>> normalize(torch.zeros(1, 1, 1, 3, dtype=torch.uint8)).flatten()  # -mean / deviation
    tensor([-2.1179, -2.0357, -1.8044])
    """
    mean = torch.tensor(IMAGENET_MEAN, device=pixels.device)
    std = torch.tensor(IMAGENET_STD, device=pixels.device)
    scaled = (pixels.to(torch.float32) / 255 - mean) / std
    return scaled.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def torchvision_names(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns a DenseNet state dict with current names and without the classifier.

    The published file has names of 2017 (`norm.1` for `norm1`).

    >>> list(torchvision_names({"features.denseblock1.denselayer1.norm.1.weight": torch.ones(1)}))
    ['features.denseblock1.denselayer1.norm1.weight']
    """
    return {
        re.sub(r"\.(norm|relu|conv)\.([12])\.", r".\1\2.", name): value
        for name, value in state.items()
        if not name.startswith("classifier.")
    }
