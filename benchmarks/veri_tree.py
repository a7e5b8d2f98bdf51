"""A tree of images in VeRi-776's format and size, made of the embedded images; a helper.

Every image is an embedded image of the same vehicle, cut, brightened, enlarged to about the size of
VeRi-776's images and stored as JPEG, each differently, so that no two files are equal.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from semantic.data.embedded import open_synthetic
from semantic.data.images import load_images

CAMERAS = 20
#: Edge of a stored image in pixels; VeRi-776's are from about 100 to 400.
EDGE = 240


@dataclass(frozen=True)
class Size:
    """Numbers of images and vehicles of a tree."""

    train: int = 37_778
    gallery: int = 11_579
    queries: int = 1_678
    train_vehicles: int = 576
    test_vehicles: int = 200

    def share(self, part: float) -> Size:
        """Returns a part of the images; a vehicle has at least four."""
        train, gallery = (max(40, round(part * n)) for n in (self.train, self.gallery))
        return Size(
            train,
            gallery,
            max(4, round(part * self.queries)),
            min(self.train_vehicles, train // 4),
            min(self.test_vehicles, gallery // 4),
        )


def write_tree(root: Path, size: Size) -> None:
    """Writes image_train, image_query, image_test, the name files and the label files.

    As in VeRi-776, each query is also an image of the gallery.

    Args:
        root: Folder, created.
        size: Numbers of images.
    """
    train = _names(size.train, size.train_vehicles, 1000)
    test = _names(size.gallery, size.test_vehicles, 0)
    queries = test[:: max(1, len(test) // size.queries)][: size.queries]
    lists = {"train": train, "test": test, "query": queries}
    places: dict[str, list[Path]] = {}
    for part, names in lists.items():
        folder = root / f"image_{part}"
        folder.mkdir(parents=True)
        for name in names:
            places.setdefault(name, []).append(folder / name)
        (root / f"name_{part}.txt").write_text("".join(f"{name}\n" for name in names))
    for files, image in zip(places.values(), _images(len(places)), strict=True):
        for file in files:
            file.write_bytes(image)
    for part, names in {"train": train, "test": test}.items():
        (root / f"{part}_label.xml").write_bytes(_labels(names))


def _names(images: int, vehicles: int, first: int) -> list[str]:
    """Names of images; those of a vehicle go through the cameras in turn."""
    return [
        f"{first + i % vehicles + 1:04d}_c{i // vehicles % CAMERAS + 1:03d}_{i:08d}_0.jpg"
        for i in range(images)
    ]


def _images(count: int) -> Iterator[bytes]:
    """Yields JPEG files."""
    pixels, _, _ = load_images(open_synthetic(), 96)
    rng = np.random.default_rng(0)
    for i in range(count):
        left, top, cut = (int(v) for v in rng.integers(0, 8, 3))
        image = Image.fromarray(pixels[i % len(pixels)])
        image = image.crop((left, top, 96 - cut, 96 - cut)).resize((EDGE, EDGE))
        image = ImageEnhance.Brightness(image).enhance(0.7 + 0.6 * float(rng.random()))
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        yield file.getvalue()


def _labels(names: list[str]) -> bytes:
    """A label file; color and type follow from the vehicle."""
    items = "\n".join(
        f'<Item imageName="{name}" vehicleID="{name[:4]}" cameraID="{name[5:9]}" '
        f'colorID="{int(name[:4]) % 10 + 1}" typeID="{int(name[:4]) % 9 + 1}"/>'
        for name in names
    )
    text = f'<?xml version="1.0" encoding="gb2312"?>\n<Images><Items>\n{items}\n</Items></Images>\n'
    return text.encode("gb2312")
