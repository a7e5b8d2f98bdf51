"""Two data sets as one."""

from __future__ import annotations

import numpy as np

from semantic.data.dataset import UNKNOWN, VehicleImages


def join(first: VehicleImages, second: VehicleImages) -> VehicleImages:
    """Returns the images of both sets; no vehicle and no camera of one is one of the other.

    Args:
        first: Its images come first and keep their numbers of vehicles and cameras.
        second: Its vehicles and cameras are counted on after those of the first set.

    Raises:
        ValueError: The sets have other names of colors or types.
    """
    if (first.colors, first.types) != (second.colors, second.types):
        raise ValueError(f"{first.name} and {second.name} have other names of colors or types")

    def shifted(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        after = int(mine.max(initial=-1)) + 1
        return np.concatenate([mine, np.where(theirs == UNKNOWN, UNKNOWN, theirs + after)])

    return VehicleImages(
        f"{first.name} + {second.name}",
        (*first.files, *second.files),
        shifted(first.vehicle, second.vehicle),
        shifted(first.camera, second.camera),
        np.concatenate([first.color, second.color]),
        np.concatenate([first.type, second.type]),
        np.concatenate([first.is_query, second.is_query]),
        first.colors,
        first.types,
        (*first.left_out, *second.left_out),
    )
