"""The networks of deepjscc: image -> latent values that enter the channel, and back to an image.

Source: Bourtsoulatze, Kurka and Gunduz, Deep Joint Source-Channel Coding for Wireless Image
Transmission, IEEE Trans. Cogn. Commun. Netw. 5(3), 2019, section III.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

#: Filters of the first two layers, and edge of all kernels.
NARROW, WIDE, KERNEL = 16, 32, 5
#: By how much a side of the latent map is shorter than that of the image: two layers of stride 2.
STRIDE = 4


class DeepJsccNetwork(nn.Module):
    """Encoder of five convolutions with PReLU, and its mirror image with transposed ones.

    ```
    image -> 16/2 -> 32/2 -> 32/1 -> 32/1 -> c/1 -> latent
    latent -> 32/1 -> 32/1 -> 32/1 -> 16/2 -> 3/2 -> sigmoid -> image       filters / stride
    ```

    The power normalization between the two belongs to the transmitter (`phy.power`). The network is
    convolutional: one set of weights serves every image size that is a multiple of 4.

    Args:
        channels: Channels c of the latent map. An image of h x w pixels becomes c h w / 16 real
            values, which are k = c h w / 32 complex channel uses: k / n = c / 96.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.encoder = nn.Sequential(
            *_down(3, NARROW, 2),
            *_down(NARROW, WIDE, 2),
            *_down(WIDE, WIDE, 1),
            *_down(WIDE, WIDE, 1),
            *_down(WIDE, channels, 1),
        )
        self.decoder = nn.Sequential(
            *_up(channels, WIDE, 1),
            *_up(WIDE, WIDE, 1),
            *_up(WIDE, WIDE, 1),
            *_up(WIDE, NARROW, 2),
            _transposed(NARROW, 3, 2),
            nn.Sigmoid(),
        )

    def latent(self, pixels: UInt8[Tensor, "batch h w 3"]) -> Float[Tensor, "batch c h4 w4"]:
        """Returns the latent map of images, before the power normalization."""
        found: Tensor = self.encoder(unit_range(pixels))
        return found

    def image(self, latent: Float[Tensor, "batch c h4 w4"]) -> Float[Tensor, "batch 3 h w"]:
        """Returns images with values in [0, 1] from what the receiver has of their latent maps."""
        found: Tensor = self.decoder(latent)
        return found


def unit_range(pixels: UInt8[Tensor, "batch h w 3"]) -> Float[Tensor, "batch 3 h w"]:
    """Returns pixels as values in [0, 1], channels first.

    >>> unit_range(torch.full((1, 1, 1, 3), 255, dtype=torch.uint8)).flatten()
    tensor([1., 1., 1.])
    """
    return pixels.permute(0, 3, 1, 2).float() / 255


def to_pixels(image: Float[Tensor, "batch 3 h w"]) -> UInt8[Tensor, "batch h w 3"]:
    """Returns values in [0, 1] as pixels, rounded to the nearest of 256 levels.

    >>> to_pixels(torch.tensor([0.0, 0.5, 1.0]).reshape(1, 3, 1, 1)).flatten()
    tensor([  0, 128, 255], dtype=torch.uint8)
    """
    return (image * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


def latent_shape(channels: int, size: int) -> tuple[int, int, int]:
    """Returns (c, height, width) of the latent map of a square image.

    Raises:
        ValueError: If the size is no multiple of 4.

    >>> latent_shape(10, 96)
    (10, 24, 24)
    """
    if size % STRIDE:
        raise ValueError(
            f"deepjscc takes no images of {size} pixels, the size must be a multiple of {STRIDE}"
        )
    return channels, size // STRIDE, size // STRIDE


def _down(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(inputs, outputs, KERNEL, stride, KERNEL // 2), nn.PReLU(outputs)


def _up(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, nn.Module]:
    return _transposed(inputs, outputs, stride), nn.PReLU(outputs)


def _transposed(inputs: int, outputs: int, stride: int) -> nn.Module:
    return nn.ConvTranspose2d(inputs, outputs, KERNEL, stride, KERNEL // 2, stride - 1)
