"""Pixels of a large training set are decoded once, into a file that is mapped into memory."""

import json
from pathlib import Path

import numpy as np
import pytest

from semantic.data.dataset import VehicleImages
from semantic.data.images import ImageError, load_images
from semantic.data.opening import open_dataset
from semantic.training.loop import LinkData
from simulator.training import images as of_images
from simulator.training import pixels as module
from simulator.training.pixels import training_pixels
from simulator.training.presets import presets
from simulator.training.stage import Stage, TrainingImages

EDGE = 24


@pytest.fixture
def images(folder_data: Path) -> VehicleImages:
    return open_dataset(str(folder_data))


def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes every set a large one, which is decoded in blocks of 7 images."""
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(module, "BLOCK", 7)


def test_a_small_set_stays_in_memory(images: VehicleImages, tmp_path: Path) -> None:
    training_pixels(images, EDGE, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_large_set_is_decoded_once(
    images: VehicleImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(monkeypatch)
    expected, kept, problems = load_images(images, EDGE)
    found = training_pixels(images, EDGE, tmp_path)
    assert isinstance(found[0].base, np.memmap)
    monkeypatch.setattr(module, "load_images", lambda *_: pytest.fail("decoded again"))
    for again in (found, training_pixels(images, EDGE, tmp_path)):
        np.testing.assert_array_equal(again[0], expected)
        np.testing.assert_array_equal(again[1], kept)
        assert again[2] == problems == []
    found[0][:] = 0  # the file keeps what was decoded
    np.testing.assert_array_equal(training_pixels(images, EDGE, tmp_path)[0], expected)


def test_deepjscc_leaves_them_on_the_host(
    images: VehicleImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(monkeypatch)
    pixels, kept, _ = training_pixels(images, EDGE, tmp_path)
    found: list[LinkData] = []
    monkeypatch.setattr(of_images, "train_deepjscc", lambda network, data, *_: found.append(data))
    monkeypatch.setattr(of_images, "save_deepjscc", lambda *_: None)
    stage = Stage(tmp_path, presets(len(kept))["synthetic"], ("deepjscc",), "meta", print)
    known = TrainingImages(images.subset(kept), pixels, np.zeros(len(kept), np.bool_))
    of_images.train_on_images(stage, known, {})
    assert found[0].labels.vehicle.device.type == "meta"
    assert np.shares_memory(found[0].s.numpy(), pixels)


def test_images_that_cannot_be_read_are_named_each_time(
    images: VehicleImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(monkeypatch)
    read, gone = VehicleImages.read, {3, *range(14, 21)}  # one, and a whole block
    names = {images.files[i].name for i in gone}
    monkeypatch.setattr(
        VehicleImages,
        "read",
        lambda self, i: b"GIF" if self.files[i].name in names else read(self, i),
    )
    expected = load_images(images, EDGE)
    for _ in range(2):
        pixels, kept, problems = training_pixels(images, EDGE, tmp_path)
        assert not gone & {*kept}
        assert problems == expected[2]
        np.testing.assert_array_equal(pixels, expected[0])


def test_other_images_or_sizes_and_broken_calls_leave_no_wrong_file(
    images: VehicleImages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(monkeypatch)
    training_pixels(images, EDGE, tmp_path)
    assert training_pixels(images, 8, tmp_path)[0].shape[1:] == (8, 8, 3)
    assert len(training_pixels(images.subset([0, 2]), EDGE, tmp_path)[0]) == 2
    before = {path.name for path in tmp_path.iterdir()}
    assert len(before) == 6
    (about,) = tmp_path.glob("*-8.json")
    assert json.loads(about.read_text())["left_out"] == []
    monkeypatch.setattr(VehicleImages, "read", lambda self, i: b"")
    with pytest.raises(ImageError, match="none of 5 images can be read"):
        training_pixels(images.subset(range(5)), EDGE, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == before
