"""What a Python program gives to `Link.send`: images in any form, numbers of any library."""

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from semantic.data.dataset import VehicleImages
from semantic.data.images import ImageError, load_images
from simulator.interactive.given_images import choose_numbers, collect_images, listed_images
from simulator.interactive.opened_link import _seeds
from simulator.run_fields import listed_snrs, with_fields
from simulator.spec import RunSpec

SIZE = 16
RAMP = np.linspace(0, 65535, SIZE * SIZE).reshape(SIZE, SIZE)
COLORS = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)

#: A number of numpy or torch is a number, and an array of them a list.
SCALARS: list[Callable[[int], Any]] = [int, np.int64, np.uint8, np.array, torch.tensor]
LISTS: list[Callable[[list[int]], Any]] = [list, tuple, np.array, torch.tensor, iter, dict.fromkeys]


@pytest.fixture(scope="module")
def data() -> VehicleImages:
    none = np.zeros(0, np.int64)
    return VehicleImages("none", (), none, none, none, none, none.astype(bool), ("red",), ("van",))


def read(given: Any, data: VehicleImages) -> np.ndarray:
    return load_images(collect_images([given], data)[0], SIZE, "raise")[0][0]


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(RAMP.astype(np.uint16)),
        Image.frombytes("I;16B", (SIZE, SIZE), RAMP.astype(">u2").tobytes()),
        Image.fromarray(RAMP.astype(np.int32)),
        Image.fromarray((RAMP / 257).astype(np.int32)),
        Image.fromarray((RAMP / 65535).astype(np.float32)),
        Image.fromarray(COLORS).convert("CMYK"),
        Image.fromarray(np.dstack([COLORS, COLORS[..., 0]])),
    ],
    ids=lambda image: f"{image.mode} {np.asarray(image).max():.0f}",
)
def test_an_image_of_pillow_is_read_as_its_file(
    image: Image.Image, data: VehicleImages, tmp_path: Path
) -> None:
    """Also of more than 8 bits: not all white, not all black, refused where its white is unknown."""
    path = tmp_path / "image.tif"
    image.save(path)
    try:
        expected = read(path, data)
    except ImageError as error:
        reason = str(error).partition(": ")[2]
        with pytest.raises(ImageError, match=f"image 0: {re.escape(reason)}"):
            read(image, data)
    else:
        np.testing.assert_array_equal(read(image, data), expected)


@pytest.mark.parametrize(("mode", "over"), [("RGBa", "RGBA"), ("PA", "RGBA"), ("La", "LA")])
def test_what_is_transparent_is_white_in_every_mode(
    mode: str, over: str, data: VehicleImages
) -> None:
    clear = Image.new(over, (SIZE, SIZE))
    image = Image.new("PA", (SIZE, SIZE)) if mode == "PA" else clear.convert(mode)
    assert read(image, data).min() == 255


def cut_off() -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(COLORS).save(file, "PNG")
    return Image.open(io.BytesIO(file.getvalue()[:300]))


def closed() -> Image.Image:
    image = Image.fromarray(COLORS)
    image.close()
    return image


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (np.zeros((0, 5, 3), np.uint8), "image 0: 5x0 pixels, it has none"),
        (np.zeros((5, 0), np.uint8), "image 0: 0x5 pixels, it has none"),
        (Image.new("RGB", (0, 0)), "image 0: 0x0 pixels, it has none"),
        (cut_off(), "image 0 cannot be read: "),
        (closed(), "image 0 cannot be read: "),
        ("a" * 5000, "is no file"),
        ("~nobody-of-this-name/car.jpg", "is no file"),
        ("a\0b", "is no file"),
        (b"car.jpg", "image 0 is a bytes, it must be"),
        (io.BytesIO(b"car"), "image 0 is a BytesIO, it must be"),
        (torch.zeros(8, 8, 3), "image 0 is a Tensor, it must be"),
        ({3: 5}, "image 0 is a dict, it must be"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_image_is_one_line_with_its_place(
    image: object, problem: str, data: VehicleImages
) -> None:
    with pytest.raises(ValueError, match=problem) as found:
        collect_images(listed_images(image)[0], data)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 300


@pytest.mark.parametrize("several", [list, tuple, np.array, iter, set, range])
def test_images_come_in_a_list_of_any_kind(several: Callable[[Any], Any]) -> None:
    given = range(2) if several is range else several([0, 1])
    assert listed_images(given) == ([0, 1], True)


@pytest.mark.parametrize("number", SCALARS)
def test_a_number_of_any_library_is_one(number: Callable[[int], Any]) -> None:
    spec = RunSpec()
    assert _seeds(spec, number(3)) == ([3], False)
    assert listed_snrs(number(3)) == [3]
    assert choose_numbers(number(3), [None]).tolist() == [3]
    assert listed_images(number(3)) == ([3], False)
    found = with_fields(spec, "perfect", number(3), {"images": number(7), "seeds": number(2)})
    assert (found.snr_db, found.images, found.seeds) == ((3.0,), 7, 2)


@pytest.mark.parametrize("several", LISTS)
def test_a_list_of_any_library_is_several(several: Callable[[list[int]], Any]) -> None:
    assert _seeds(RunSpec(), several([3, 4])) == ([3, 4], True)
    assert listed_snrs(several([3, 4])) == [3, 4]
    assert choose_numbers(several([3, 4]), [None, None]).tolist() == [3, 4]


@pytest.mark.parametrize("seed", [[1, 1], "3", b"3", 1.5, True, []])
def test_seeds_that_cannot_be_sent_are_one_line(seed: Any) -> None:
    with pytest.raises(ValueError, match=r"seed.* (twice|given|whole number)"):
        _seeds(RunSpec(), seed)
