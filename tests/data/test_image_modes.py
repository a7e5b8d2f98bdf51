"""Each mode that a file can have gives the right RGB values, or one line that names the file."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from drawn_images import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from semantic.data import images
from semantic.data.images import ImageError, decode

GRAY = np.full((10, 20), 100)


def gray_tiff(values: np.ndarray, bits: int, photometric: int = 1, order: str = "<") -> bytes:
    """A TIFF of one strip of gray values, as other programs than Pillow write it."""
    height, width = values.shape
    if bits == 12:  # two values in three bytes
        pairs = values.reshape(-1, 2).astype(int)
        rows = [(a >> 4, (a & 15) << 4 | b >> 8, b & 255) for a, b in pairs.tolist()]
        data = bytes(np.array(rows, dtype=np.uint8).ravel())
    else:
        data = values.astype(f"{order}u{bits // 8}").tobytes()
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, photometric)]
    entries += [(273, 8), (277, 1), (278, height), (279, len(data))]
    at = 8 + len(data)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", at)
    fields = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in entries)
    return head + data + struct.pack(f"{order}H", len(entries)) + fields + bytes(4)


@pytest.mark.parametrize(
    ("data", "level"),
    [
        (gray_tiff(GRAY * 256, 16), 100),
        (gray_tiff(GRAY * 256, 16, order=">"), 100),
        (gray_tiff(GRAY * 256, 16, photometric=0), 155),
        (gray_tiff(GRAY * 16, 12), 100),
        (gray_tiff(GRAY, 8), 100),
        (gray_tiff(GRAY, 8, photometric=0), 155),
        (gray_tiff(GRAY * 256, 32), 100),
        (b"P5 20 10 65535\n" + (GRAY * 256).astype(">u2").tobytes(), 100),
        (b"P5 20 10 255\n" + GRAY.astype("u1").tobytes(), 100),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_gray_of_more_than_8_bits(data: bytes, level: int) -> None:
    assert np.all(decode(data, "a", 8) == level)


def test_other_color_spaces() -> None:
    color = (200, 100, 50)
    flat = Image.new("RGB", (20, 10), color)
    for mode, kind in (("YCbCr", "TIFF"), ("CMYK", "TIFF"), ("RGBX", "TIFF"), ("PA", "TIFF")):
        image = flat.convert("P").convert("PA") if mode == "PA" else flat.convert(mode)
        difference = decode(encode(image, kind), mode, 8).astype(int) - color
        assert np.abs(difference).max() <= (26 if mode == "PA" else 2), mode


def test_transparent_palette_becomes_white() -> None:
    palette = Image.new("P", (20, 10), 1)
    palette.putpalette([200, 100, 50, 10, 20, 30])
    for transparency, expected in ((1, (255, 255, 255)), (0, (10, 20, 30))):
        data = encode(palette, "PNG", transparency=transparency)
        assert np.all(decode(data, "a", 8) == expected)
    data = encode(palette, "PNG", transparency=bytes([255, 128]))
    assert np.all(np.abs(decode(data, "a", 8).astype(int) - (132, 137, 142)) <= 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            gray_tiff(GRAY, 32),
            "x: gray values 100 to 100 in 32 bits are dark, or of 8 bits",
        ),
        (gray_tiff(GRAY * 2**20, 32), "x: gray values .* need more than 16 bits"),
        (encode(Image.new("F", (20, 10), 0.5), "TIFF"), "x: floating-point"),
        (encode(Image.new("RGB", (20, 10)).convert("LAB"), "TIFF"), r"x: L\*a\*b\*"),
    ],
    ids=["8 in 32 bits", "more than 16", "float", "lab"],
)
def test_values_without_a_defined_white_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=f"^{message}"):
        decode(data, "x", 8)


def color_png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a color, which Pillow cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    height, width, bands = values.shape
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def color(level: int, bands: int) -> np.ndarray:
    """[10, 20, bands] values of one level, opaque."""
    values = np.full((10, 20, bands), level)
    if bands != 3:
        values[..., -1] = 0xFFFF
    return values


@pytest.mark.parametrize("level", [255, 1023, 4095, 16383])
def test_few_bits_in_many_are_refused_and_not_dark(level: int) -> None:
    """The kind: 8, 10, 12 and 14 bits in a container of 16 or 32."""
    bits = level.bit_length()
    gray = GRAY * 0 + level
    files = [
        gray_tiff(gray, 16),
        gray_tiff(gray, 16, order=">"),
        gray_tiff(gray, 16, photometric=0),
        gray_tiff(gray, 32),
        b"P5 20 10 65535\n" + gray.astype(">u2").tobytes(),
        b"P6 20 10 65535\n" + color(level, 3).astype(">u2").tobytes(),
        *(color_png(color(level, bands)) for bands in (2, 3, 4)),
    ]
    for file in files:
        with pytest.raises(ImageError, match=f"^x: .* are dark, or of {bits} bits; store them"):
            decode(file, "x", 8)


def test_stated_and_full_ranges_are_scaled() -> None:
    stated = b"P5 20 10 4095\n" + (GRAY * 16).astype(">u2").tobytes()
    dark_but_stated = b"P5 20 10 4095\n" + (GRAY * 4).astype(">u2").tobytes()
    assert np.all(decode(stated, "a", 8) == 100)
    assert np.all(decode(dark_but_stated, "a", 8) == 25)
    assert np.all(decode(gray_tiff(GRAY * 8, 12), "a", 8) == 50)
    for bands in (2, 3, 4):
        assert np.all(decode(color_png(color(100 * 256, bands)), "a", 8) == 100)
    assert np.all(decode(gray_tiff(GRAY * 0, 16), "a", 8) == 0)  # black in any number of bits


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]),
    st.tuples(st.integers(4, 70), st.integers(4, 70)),
    st.sampled_from([1, 8, 33, 100]),
    st.integers(1, 3000),
    st.integers(0, 100),
)
def test_strips_give_the_numbers_of_the_whole_image(
    mode: str, shape: tuple[int, int], size: int, strip: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = Image.fromarray(rng.integers(0, 256, (*shape, 4), dtype=np.uint8))
    image = pixels.convert("RGB") if mode in ("CMYK", "P", "LA") else pixels
    if mode == "I;16":
        image = Image.fromarray(rng.integers(0, 65536, shape).astype(np.uint16))
    data = encode(image.convert(mode), "TIFF" if mode == "CMYK" else "PNG")
    whole = decode(data, "a", size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(images, "STRIP_PIXELS", strip)
        assert np.array_equal(decode(data, "a", size), whole)


PEAK = """
import sys
import zlib
from pathlib import Path
from semantic.data.images import decode

def peak_kib():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before = peak_kib()
decode(sys.stdin.buffer.read(), "x", 96)
print((peak_kib() - before) / 1024)
"""


@pytest.mark.integration
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system shows no VmHWM")
@pytest.mark.parametrize(("mode", "limit_mib"), [("RGBA", 500), ("I;16", 400)])
def test_the_largest_image_takes_bounded_memory(mode: str, limit_mib: float) -> None:
    """A PNG of 7071 x 7071 took about 950 MiB in either mode."""
    file = io.BytesIO()
    Image.new(mode, (7071, 7071)).save(file, "PNG", compress_level=1)
    process = subprocess.run(
        [sys.executable, "-c", PEAK], input=file.getvalue(), capture_output=True, check=True
    )
    assert float(process.stdout) < limit_mib


@pytest.mark.parametrize("bits", [8, 16])
def test_signed_numbers_of_a_tiff_are_refused_because_white_is_half(bits: int) -> None:
    pixels = GRAY.astype(f"i{bits // 8}")
    with pytest.raises(ImageError, match=rf"^x.tif: signed pixels of {bits} bits"):
        decode(signed_tiff(pixels), "x.tif", 8)


def signed_tiff(pixels: np.ndarray) -> bytes:
    """A TIFF of gray values with the sample format of signed numbers, which Pillow does not write."""
    height, width = pixels.shape
    data, bits = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes(), 8 * pixels.itemsize
    entries = [(256, width), (257, height), (258, bits), (259, 1), (262, 1), (273, 8), (277, 1)]
    entries += [(278, height), (279, len(data)), (339, 2)]
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(entries)) + fields + bytes(4)
