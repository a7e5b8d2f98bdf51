"""Small generated images and sets of labels for the tests of this directory."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from semantic.data import UNKNOWN, ImageFile, VehicleImages


def jpeg(seed: int = 0, width: int = 40, height: int = 30, mode: str = "RGB") -> bytes:
    """A smooth random image as JPEG."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return encode(image.convert(mode), "JPEG")


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def write(root: Path, *names: str) -> None:
    """Write one image per name, each with other pixels."""
    for seed, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(jpeg(seed))


def labeled(
    vehicle: list[int], camera: list[int], is_query: list[bool], root: Path = Path()
) -> VehicleImages:
    """A set without colors and types."""
    names = [f"{i:03d}.jpg" for i in range(len(vehicle))]
    unknown = np.full(len(vehicle), UNKNOWN)
    return VehicleImages(
        "made",
        tuple(ImageFile(n, root / n) for n in names),
        np.array(vehicle),
        np.array(camera),
        unknown,
        unknown,
        np.array(is_query, dtype=bool),
    )
