"""Vehicle images with labels: the embedded set, VeRi-776 and plain folders."""

from semantic.data.dataset import (
    COLORS,
    TYPES,
    UNKNOWN,
    ImageFile,
    Split,
    VehicleImages,
    open_dataset,
)
from semantic.data.images import ImageError, decode, load_images

__all__ = [
    "COLORS",
    "TYPES",
    "UNKNOWN",
    "ImageError",
    "ImageFile",
    "Split",
    "VehicleImages",
    "decode",
    "load_images",
    "open_dataset",
]
