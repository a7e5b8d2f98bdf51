"""The check of a data set: every split that it has, and each mistake by its rule."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.data.opening import open_dataset
from simulator import check_dataset


def test_a_good_data_set_passes(folder_data: Path) -> None:
    for split in ("test", "train"):
        if split == "test":
            report = check_dataset(str(folder_data), "test")
            assert report.ok, str(report)
            assert "8 queries, 32 other images of 8 vehicles" in report.findings[0].found
    images = open_dataset(str(folder_data))
    train = replace(images, is_query=np.zeros(len(images), bool))
    assert check_dataset(train, "train").ok
    assert not check_dataset(train, "test").ok


def test_a_broken_data_set_is_told_what_is_wrong(folder_data: Path, tmp_path: Path) -> None:
    images = open_dataset(str(folder_data))
    (tmp_path / "cut.png").write_bytes(images.read(0)[:60])
    files = list(images.files)
    files[1] = ImageFile("cut.png", tmp_path / "cut.png")
    files[2] = ImageFile("gone.png", tmp_path / "gone.png")
    files[5] = files[0]  # another vehicle's image
    camera = images.camera.copy()
    camera[images.vehicle == images.vehicle[10]] = 0
    broken = replace(images, files=tuple(files), camera=camera)
    found = {finding.what: finding.found for finding in check_dataset(broken).failures}
    assert found.keys() == {"queries", "images", "the same file"}
    assert found["queries"].startswith("1 have none, first ")
    assert found["images"].startswith("2 of 40 cannot be; first: cut.png")
    assert found["the same file"].startswith("1 of 40; first: ")

    calls = iter([images, images.subset(np.arange(len(images))[::-1].copy())])
    other = check_dataset(lambda split: next(calls))
    assert [finding.what for finding in other.failures] == ["opened twice"]
    nothing: Any = lambda split: None  # noqa: E731
    assert check_dataset(nothing).failures[0].found == "a NoneType"


def test_a_vehicle_of_two_colors_is_named(folder_data: Path) -> None:
    """Labels in another order than the files: nothing else shows it."""
    images = open_dataset(str(folder_data))
    assert not images.contradictions()
    for name in ("color", "type", "vehicle"):
        shifted = replace(images, **{name: np.roll(getattr(images, name), 2)})
        (wrong,) = (f for f in check_dataset(shifted).failures if f.what == "labels of a vehicle")
        assert "vehicles have images of more than one " in wrong.found
    few = images.color.copy()
    few[np.flatnonzero(images.vehicle == images.vehicle[0])[:2]] = (0, 1)
    first = images.vehicle[0]
    color, *_ = replace(images, color=few).contradictions()
    assert color.startswith(
        f"1 of 8 vehicles have images of more than one color, the first is {first}: "
    )
    unknown = np.where(images.color == images.color[0], -1, images.color)
    assert not replace(images, color=unknown).contradictions()


def test_images_without_labels_and_queries() -> None:
    none = VehicleImages("none", (), *(np.zeros(0, np.int64) for _ in range(4)), np.zeros(0, bool))
    assert {f.what for f in check_dataset(none).failures} == {"test split"}


@pytest.mark.parametrize("kept", ["train", "test", "both"])
def test_every_split_that_a_folder_has_is_checked(kept: str, tmp_path: Path) -> None:
    """A damaged training image is found, also where the folder has no test images."""
    rows = {
        "train": "a.png,7,1,train\nb.png,7,2,train\n",
        "test": "c.png,8,1,query\nd.png,8,2,gallery\n",
    }
    chosen = "".join(text for name, text in rows.items() if kept in (name, "both"))
    for i, name in enumerate("abcd"):
        Image.new("RGB", (40, 40), (50 * i, 0, 0)).save(tmp_path / f"{name}.png")
    (tmp_path / "labels.csv").write_text(f"file,vehicle,camera,split\n{chosen}")
    report = check_dataset(str(tmp_path))
    assert report.ok, str(report)
    splits = {f.what.removesuffix(" split") for f in report.findings if f.what.endswith(" split")}
    assert splits == ({"train", "test"} if kept == "both" else {kept})
    for name in "ac":
        (tmp_path / f"{name}.png").write_bytes(b"no image")
    failed = {finding.what for finding in check_dataset(str(tmp_path)).failures}
    expected = {"train": {"training: images"}, "test": {"images"}}
    assert failed == (expected.get(kept) or expected["train"] | expected["test"])
