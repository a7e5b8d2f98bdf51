"""Two sets as one: no vehicle of one is one of the other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from semantic.data.dataset import UNKNOWN, ImageFile, VehicleImages
from semantic.data.joined import join


def images(name: str, vehicle: list[int]) -> VehicleImages:
    count = len(vehicle)
    files = tuple(ImageFile(f"{i}.jpg", Path(name) / f"{i}.jpg") for i in range(count))
    number = np.arange(count)
    return VehicleImages(
        name, files, np.array(vehicle), number, number % 3, number % 2, np.zeros(count, bool)
    )


def test_vehicles_and_cameras_of_the_second_set_are_others() -> None:
    both = join(images("a", [7, 7, UNKNOWN]), images("b", [0, UNKNOWN, 7]))
    assert both.name == "a + b"
    assert both.vehicle.tolist() == [7, 7, UNKNOWN, 8, UNKNOWN, 15]
    assert both.camera.tolist() == [0, 1, 2, 3, 4, 5]
    assert both.color.tolist() == [0, 1, 2, 0, 1, 2]
    assert [file.path.parent.name for file in both.files] == ["a"] * 3 + ["b"] * 3


def test_a_set_of_unknown_vehicles_can_be_joined() -> None:
    assert join(images("a", [UNKNOWN]), images("b", [3])).vehicle.tolist() == [UNKNOWN, 3]


def test_sets_with_other_names_of_colors_are_refused() -> None:
    second = replace(images("b", [1]), colors=("red", "green", "blue"))
    with pytest.raises(ValueError, match="a and b have other names of colors or types"):
        join(images("a", [1]), second)
