"""Decoding: every common format becomes RGB, everything else one clear line."""

import io
from pathlib import Path

import numpy as np
import pytest
from drawn_images import encode, jpeg, labeled, write
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from semantic.data.images import ImageError, decode, load_images


def flat(mode: str, color: object) -> Image.Image:
    return Image.new(mode, (20, 10), color)


@pytest.mark.parametrize(
    ("data", "rgb"),
    [
        (encode(flat("RGB", (200, 100, 50)), "PNG"), (200, 100, 50)),
        (encode(flat("L", 90), "PNG"), (90, 90, 90)),
        (encode(flat("1", 1), "PNG"), (255, 255, 255)),
        (encode(flat("I;16", 0x8000), "PNG"), (128, 128, 128)),
        (encode(flat("I;16", 30000), "TIFF"), (117, 117, 117)),
        (encode(flat("I", 0x4000), "TIFF"), (64, 64, 64)),
        (encode(flat("RGB", (200, 100, 50)).convert("P"), "PNG"), None),
        (encode(flat("RGB", (200, 100, 50)).quantize(4), "GIF"), (200, 100, 50)),
        (encode(flat("RGBA", (200, 100, 50, 255)), "PNG"), (200, 100, 50)),
        (encode(flat("RGBA", (200, 100, 50, 0)), "PNG"), (255, 255, 255)),
        (encode(flat("LA", (90, 255)), "PNG"), (90, 90, 90)),
        (encode(flat("CMYK", (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        (encode(flat("RGB", (200, 100, 50)), "BMP"), (200, 100, 50)),
        (encode(flat("RGB", (200, 100, 50)), "WEBP", lossless=True), (200, 100, 50)),
    ],
)
def test_every_mode_becomes_rgb(data: bytes, rgb: tuple[int, int, int] | None) -> None:
    pixels = decode(data, "a", 8)
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    if rgb is not None:
        assert np.all(pixels == rgb)


def test_cmyk_jpeg_looks_like_the_rgb_one() -> None:
    difference = decode(jpeg(3, mode="CMYK"), "a", 16).astype(int) - decode(jpeg(3), "b", 16)
    assert np.abs(difference).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    upright = np.zeros((24, 24, 3), dtype=np.uint8)
    upright[:12, :12] = (255, 0, 0)
    upright[:12, 12:] = (0, 255, 0)
    back = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}  # what undoes each
    turns = dict(zip(range(2, 9), (0, 3, 1, 5, 4, 6, 2), strict=True))
    stored = Image.fromarray(upright)
    if orientation > 1:
        stored = stored.transpose(Image.Transpose(turns[back[orientation]]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(decode(encode(stored, "PNG", exif=exif), "a", 24), upright)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_damaged_exif_does_not_spoil_the_pixels() -> None:
    data = jpeg()
    segment = b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\x12\x01" * 9
    spoilt = data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]
    assert np.array_equal(decode(spoilt, "a", 8), decode(data, "b", 8))


def test_resizing_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    pixels = decode(encode(Image.fromarray(stripes), "PNG"), "a", 8)
    assert np.all(np.abs(pixels.astype(int) - 127) <= 8)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.jpg: empty file"),
        (b"hello, this is a text", "x.jpg: not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "x.jpg: not an image"),
        (jpeg()[:12], "x.jpg: "),
        (jpeg()[: len(jpeg()) // 2], "x.jpg: corrupt image: .*[Tt]runcated"),
        (jpeg()[:-30], "x.jpg: corrupt image: .*truncated"),
        (encode(flat("RGB", 0).resize((1, 1)), "PNG"), "x.jpg: 1x1 pixels, must be at least 4x4"),
        (encode(flat("RGB", 0).resize((500, 1)), "PNG"), "x.jpg: 500x1 pixels"),
        (encode(flat("F", 0.5), "TIFF"), "x.jpg: floating-point"),
        (encode(Image.new("1", (9000, 9000)), "PNG"), "x.jpg: 9000x9000 is more than 50000000"),
        (encode(Image.new("1", (15000, 15000)), "PNG"), "x.jpg: more than 50000000 pixels"),
    ],
)
def test_what_cannot_be_used_is_one_line_naming_the_file(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^{message}") as caught:
        decode(data, "x.jpg", 8)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP"]),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    st.integers(0, 10_000),
)
def test_damaged_bytes_decode_or_raise_image_error(
    kind: str, changes: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(encode(Image.open(io.BytesIO(jpeg())), kind))
    for place, value in changes:
        data[place % len(data)] = value
    try:
        pixels = decode(bytes(data[: max(1, cut % (2 * len(data)))]), "x", 8)
    except ImageError:
        return
    assert pixels.shape == (8, 8, 3)


def test_size_must_be_positive() -> None:
    with pytest.raises(ValueError, match="image size is 0"):
        decode(jpeg(), "x.jpg", 0)


def corrupt_set(root: Path) -> None:
    write(root, "000.jpg", "001.jpg", "002.jpg", "003.jpg")
    (root / "001.jpg").write_bytes(jpeg()[:300])
    (root / "003.jpg").unlink()


def test_corrupt_images_are_reported_and_never_silently_dropped(tmp_path: Path) -> None:
    corrupt_set(tmp_path)
    images = labeled([1, 1, 2, 2], [1, 2, 1, 2], [True, False, True, False], tmp_path)
    pixels, kept, problems = load_images(images, 8)
    assert kept.tolist() == [0, 2]
    assert [p.split(":")[0] for p in problems] == ["001.jpg", "003.jpg"]
    assert np.array_equal(pixels[1], decode((tmp_path / "002.jpg").read_bytes(), "", 8))
    with pytest.raises(ImageError, match=r"^001\.jpg"):
        load_images(images, 8, on_corrupt="raise")
    assert len(images.content_hash()) == 64


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    corrupt_set(tmp_path)
    images = labeled([1, 1, 2, 2], [1, 2, 1, 2], [False] * 4, tmp_path).subset([1, 3])
    with pytest.raises(ImageError, match=r"^made: none of 2 images can be read; first: 001\.jpg"):
        load_images(images, 8)
    with pytest.raises(ValueError, match="made: no images"):
        load_images(images.subset([]), 8)
    with pytest.raises(ValueError, match="'rais'; nearest: 'raise'"):
        load_images(images, 8, on_corrupt="rais")  # type: ignore[arg-type]
