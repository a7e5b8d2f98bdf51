"""Vehicle images with labels: the embedded set, VeRi-776 and plain folders."""

from semantic.data.dataset import COLORS, TYPES, UNKNOWN, ImageFile, Split, VehicleImages
from semantic.data.images import ImageError, decode, load_images
from semantic.data.opening import open_dataset

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
