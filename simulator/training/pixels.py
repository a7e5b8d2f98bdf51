"""Pixels of the training images: decoded once, in memory or in a memory-mapped file.

VeRi-776 has 37 778 training images, which take 7.4 GB at 256 pixels. Its file is mapped, so that a
training reads the images of a batch and the operating system keeps as many as the memory allows.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semantic.data.dataset import VehicleImages
from semantic.data.images import ImageError, load_images
from simulator.files import write_text_whole, write_whole

#: Sets up to this size are decoded into memory at every start.
IN_MEMORY_BYTES = 2**30
#: Images of a larger set that are decoded at a time.
BLOCK = 256

Pixels = tuple[NDArray[np.uint8], NDArray[np.int64], list[str]]


def training_pixels(images: VehicleImages, edge: int, directory: Path) -> Pixels:
    """Decodes a training set, or opens what an earlier call has decoded.

    Args:
        images: The images.
        edge: Edge in pixels.
        directory: Where the file of a large set is: `pixels-HASH.npy`, which may be deleted when
            the training has ended.

    Returns:
        What `semantic.data.images.load_images` returns. Pixels of a large set are a map of their
        file; what is written into it stays in memory.

    Raises:
        ValueError: If no image can be read.
    """
    if len(images) * edge**2 * 3 <= IN_MEMORY_BYTES:
        return load_images(images, edge)
    path = directory / f"pixels-{images.content_hash()[:16]}-{edge}.npy"
    about = path.with_suffix(".json")
    if not (path.exists() and about.exists()):
        write_whole(path, partial(_decode, images, edge, about))
    said = json.loads(about.read_text(encoding="utf-8"))
    kept = np.array(said["kept"], np.int64)
    return np.load(path, mmap_mode="c")[: len(kept)], kept, said["left_out"]


def _decode(images: VehicleImages, edge: int, about: Path, path: Path) -> None:
    shape = (len(images), edge, edge, 3)
    pixels = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    kept: list[int] = []
    problems: list[str] = []
    for start in range(0, len(images), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(images)))
        try:
            part, good, bad = load_images(images.subset(rows), edge)
        except ImageError as error:  # none of them can be read
            problems += error.problems
            continue
        pixels[len(kept) : len(kept) + len(good)] = part
        kept += rows[good].tolist()
        problems += bad
    if not kept:
        raise ImageError(
            f"{images.name}: none of {len(images)} images can be read; first: {problems[0]}",
            problems,
        )
    pixels.flush()
    write_text_whole(about, json.dumps({"kept": kept, "left_out": problems}))
