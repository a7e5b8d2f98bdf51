"""Random changes of training images, which the encoder must learn to ignore.

The hue stays, because color recognition is a task.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from semantic.encoder.densenet import normalize


@dataclass(frozen=True)
class Strength:
    """Ranges of the random changes.

    Attributes:
        zoom: Smallest and largest part of the image's edge that is seen.
        shift: Largest shift of the center, in half edges.
        aspect: Largest change of the ratio of width to height, as a share.
        contrast: Smallest and largest factor of the normalized values.
        brightness: Largest change of the normalized values.
        tint: Largest change of a single color channel, normalized.
        noise: Smallest and largest standard deviation of the noise.
        coarse: Share of the images that lose their fine detail, as distant vehicles do.
        erasing: Share of the images of which a square is erased.
        erased: Smallest and largest edge of that square, as a share of the image's.
    """

    zoom: tuple[float, float] = (0.8, 1.02)
    shift: float = 0.12
    aspect: float = 0.0
    contrast: tuple[float, float] = (0.8, 1.25)
    brightness: float = 0.2
    tint: float = 0.0
    noise: tuple[float, float] = (0.05, 0.05)
    coarse: float = 0.0
    erasing: float = 0.3
    erased: tuple[float, float] = (0.1, 0.3)


#: "light" is for a test set that is rendered as the training set is; "strong" is for other cameras.
STRENGTHS = {
    "light": Strength(),
    "strong": Strength(
        zoom=(0.7, 1.08),
        shift=0.16,
        aspect=0.15,
        contrast=(0.6, 1.5),
        brightness=0.5,
        tint=0.12,
        noise=(0.0, 0.15),
        coarse=0.25,
        erasing=0.5,
        erased=(0.1, 0.4),
    ),
}


def augment(
    pixels: UInt8[Tensor, "batch h w 3"],
    size: int,
    generator: torch.Generator,
    strength: str = "light",
) -> Float[Tensor, "batch 3 {size} {size}"]:
    """Applies random geometry, exposure, noise and erasing to images, and normalizes them.

    Args:
        pixels: Images, on any device.
        size: Edge length of the result in pixels.
        generator: Source of randomness, on the device of the images.
        strength: One of `STRENGTHS`.

    >>> image = torch.zeros(2, 64, 64, 3, dtype=torch.uint8)
    >>> augment(image, 32, torch.Generator().manual_seed(0), "strong").shape
    torch.Size([2, 3, 32, 32])
    """
    ranges, batch, device = STRENGTHS[strength], len(pixels), pixels.device

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        empty = torch.empty(batch, channels, 1, 1, device=device)
        return empty.uniform_(low, high, generator=generator)

    x = _seen(normalize(pixels), size, ranges, generator)
    x = x * uniform(*ranges.contrast) + uniform(-ranges.brightness, ranges.brightness)
    x = x + uniform(-ranges.tint, ranges.tint, channels=3)
    if ranges.coarse:
        coarse = functional.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True)
        coarse = functional.interpolate(coarse, (size, size), mode="bilinear")
        x = torch.where(uniform(0.0, 1.0) < ranges.coarse, coarse, x)
    x = x + uniform(*ranges.noise) * torch.randn(x.shape, generator=generator, device=device)
    low, high = ranges.erased
    edge, axis = uniform(low, high) * size, torch.arange(size, device=device)
    left, top = uniform(0.0, 1.0) * (size - edge), uniform(0.0, 1.0) * (size - edge)
    inside_x = (axis >= left) & (axis < left + edge)
    inside_y = (axis[:, None] >= top) & (axis[:, None] < top + edge)
    hidden = inside_x & inside_y & (uniform(0.0, 1.0) < ranges.erasing)
    return x.masked_fill(hidden, 0.0).contiguous(memory_format=torch.channels_last)


def _seen(x: Tensor, size: int, ranges: Strength, generator: torch.Generator) -> Tensor:
    """Returns a random, perhaps mirrored, part of each image, [batch, 3, size, size]."""
    batch = len(x)

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(batch, device=x.device).uniform_(low, high, generator=generator)

    flip = torch.where(uniform(0.0, 1.0) < 0.5, -1.0, 1.0)
    zoom, wide = uniform(*ranges.zoom), uniform(1 - ranges.aspect, 1 + ranges.aspect)
    affine = torch.zeros(batch, 2, 3, device=x.device)
    affine[:, 0, 0], affine[:, 1, 1] = zoom * wide * flip, zoom
    affine[:, 0, 2] = uniform(-ranges.shift, ranges.shift)
    affine[:, 1, 2] = uniform(-ranges.shift, ranges.shift)
    if size < x.shape[-1]:  # area averaging first, so that the crop does not alias
        x = functional.interpolate(x, (size, size), mode="bilinear", antialias=True)
    grid = functional.affine_grid(affine, [batch, 3, size, size], align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
