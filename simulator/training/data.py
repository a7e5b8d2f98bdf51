"""The images of a training: never those of a test, and of known vehicles only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from semantic.data.dataset import VehicleImages
from semantic.data.opening import open_dataset
from simulator.training.presets import Preset


def open_training_images(
    data_spec: str, show: Callable[[str], None], beside: str | None = None
) -> VehicleImages:
    """Opens the training split, and names what is left out of it.

    Args:
        data_spec: As --data names it.
        show: Takes a line of text.
        beside: The data that these are added to; their test images are refused as well.

    Returns:
        Its images of known vehicles.

    Raises:
        ValueError: When there is no training split, one of its images is also a test image, or no
            vehicle is known.
    """
    images = open_dataset(data_spec, "train")
    for line in images.left_out:
        show(f"left out: {line}")
    tests = (data_spec, "synthetic") if beside is None else (data_spec, beside, "synthetic")
    _refuse_test_images(images, data_spec, tests)
    unknown = np.flatnonzero(~images.known)
    if len(unknown) == len(images):
        raise ValueError(f"{data_spec}: the vehicle of every training image is unknown")
    for i in unknown:
        show(f"left out: {images.files[i].name}: its vehicle is unknown")
    return images.subset(images.known) if len(unknown) else images


def _refuse_test_images(images: VehicleImages, data_spec: str, tests: tuple[str, ...]) -> None:
    """Compares bytes: the same file is found under any name, in any directory."""
    for name in dict.fromkeys(tests):
        try:
            test = open_dataset(name)
        except ValueError:  # a set for training alone
            continue
        shared = images.file_hashes() & test.file_hashes()
        if shared:
            raise ValueError(
                f"{data_spec}: {len(shared)} of its training images are test images of {name}; "
                "a network must not be judged on images that it was trained on"
            )


def refuse_few_vehicles(
    images: VehicleImages, own: int, preset: Preset, encoder: bool = True, performers: bool = True
) -> None:
    """Checks before any work that every batch of every stage can be filled.

    Args:
        images: Images of both sets.
        own: Number of the first images that are not of the extra data.
        preset: Options of the training.
        encoder: Whether the encoder is trained, and not given.
        performers: Whether its performers are trained.

    Raises:
        ValueError: If a batch needs more vehicles than there are.
    """
    recipe = preset.encoder
    all_vehicles, of_own, of_extra = (
        len(np.unique(part))
        for part in (images.vehicle, images.vehicle[:own], images.vehicle[own:])
    )
    stages = {}
    if encoder:
        stages["the encoder"] = (recipe.vehicles_per_batch - recipe.extra_vehicles, of_own)
        stages["the encoder's extra data"] = (recipe.extra_vehicles, of_extra)
    if performers:
        stages["the performers"] = (preset.performers.vehicles_per_batch, all_vehicles)
    stages["the links"] = (preset.link.vehicles_per_batch, all_vehicles)
    for what, (need, have) in stages.items():
        if have < need:
            raise ValueError(
                f"{images.name}: a batch of {what} needs {need} vehicles, the training set has {have}"
            )
