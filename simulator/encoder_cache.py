"""Encoder outputs on disk by image: a subset of a data set finds what the whole one has computed.

The outputs of a data set are one cache file. Beside them it has the SHA-256 of each image's bytes,
and a list for each encoder names the newest such files. The output of an image depends neither on
its name nor on the images around it.
"""

from __future__ import annotations

import json

import numpy as np
import torch
from torch import Tensor

from semantic.data.dataset import UNREADABLE, VehicleImages
from simulator.cache import OURS, cache_directory, cache_file, load_cached, save_cached

#: Most files in the list of an encoder.
MOST_FILES = 8


def image_hashes(dataset: VehicleImages) -> Tensor:
    """Returns uint8 [images, 32], SHA-256 of the bytes of each image; zeros if it cannot be read."""
    found = np.zeros((len(dataset), 32), np.uint8)
    for row, digest in zip(found, dataset.digests, strict=True):
        if digest != UNREADABLE:
            row[:] = np.frombuffer(digest, np.uint8)
    return torch.from_numpy(found)


def known_outputs(images: Tensor, depends_on_encoder: tuple[object, ...]) -> Tensor | None:
    """Returns the encoder outputs of images that were encoded as part of another data set.

    Args:
        images: What `image_hashes` returns.
        depends_on_encoder: What the outputs depend on besides the images.

    Returns:
        [images, 1024] float32; None unless one file has all of them.
    """
    wanted = [row.tobytes() for row in images.numpy()]
    for name in _listed(depends_on_encoder):
        found = load_cached(cache_directory() / name)
        if found is None or "images" not in found[0]:
            continue
        rows = {row.tobytes(): i for i, row in enumerate(found[0]["images"].numpy())}
        if all(image in rows for image in wanted):
            return found[0]["s"][[rows[image] for image in wanted]]
    return None


def list_outputs(name: str, depends_on_encoder: tuple[object, ...]) -> None:
    """Puts the name of a new cache file at the head of the encoder's list."""
    names = [name, *(other for other in _listed(depends_on_encoder) if other != name)]
    path = cache_file("encoded", depends_on_encoder)
    save_cached(path, {"count": torch.tensor([len(names)])}, json.dumps(names[:MOST_FILES]))


def _listed(depends_on_encoder: tuple[object, ...]) -> list[str]:
    found = load_cached(cache_file("encoded", depends_on_encoder))
    names = [] if found is None else [str(name) for name in json.loads(found[1])]
    return [name for name in names if OURS.fullmatch(name)]
