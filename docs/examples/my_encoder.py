"""An encoder network: five layers of convolutions in place of DenseNet-121."""

from torch import nn


class SmallCnn(nn.Module):
    """Normalized images, float32 [batch, 3, height, width] -> s, float32 [batch, 1024]"""

    def __init__(self, width=32):
        super().__init__()
        layers, channels = [], 3
        for wider in (width, 2 * width, 4 * width, 8 * width):
            layers.append(nn.Conv2d(channels, wider, 3, stride=2, padding=1))
            layers += [nn.BatchNorm2d(wider), nn.ReLU()]
            channels = wider
        layers += [nn.Conv2d(channels, 1024, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, images):
        return self.layers(images)
