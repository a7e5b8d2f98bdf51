"""Bytes to pixels: any common image file as RGB of one size, or one line saying why not."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from semantic.data.dataset import VehicleImages
from semantic.suggest import nearest

OnCorrupt = Literal["report", "raise"]

# Named, because Pillow would otherwise also try formats that start other programs (EPS).
FORMATS = (*("JPEG", "PNG", "WEBP", "BMP", "DIB", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF"),)
MIN_SIDE = 4  # pixels; below, there is no vehicle to see
MAX_PIXELS = 50_000_000  # 200 MB while it is decoded; no camera crop is near it
DARK_BITS = 14  # cameras of 10, 12 and 14 bits store their values in 16
STRIP_PIXELS = 2_000_000  # converted to RGB at a time

_EXIF_ORIENTATION = 0x0112
_TIFF_BITS_PER_SAMPLE, _TIFF_PHOTOMETRIC, _TIFF_SAMPLE_FORMAT = 258, 262, 339
_SIGNED = 2
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """An image that cannot be used; the message is one line that begins with its name.

    Attributes:
        problems: One line per image, where the error stands for several.
    """

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems) or (message,)


class _NoWhiteError(ValueError): ...  # a sound file whose values have no defined white


def decode(data: bytes, name: str, size: int) -> npt.NDArray[np.uint8]:
    """Decodes an image, turns it upright and resizes it.

    CMYK, YCbCr, gray, palette and 16-bit images become 8-bit RGB; what is transparent becomes white;
    of several frames the first counts. The aspect ratio is not kept, as is usual in
    re-identification. At most 2 million pixels are converted at a time, so that the largest image
    takes less than 0.7 GB (0.8 GB as WebP, whose decoder keeps four copies).

    Args:
        data: the file's content.
        name: what a message calls the image.
        size: side of the result in pixels.

    Returns:
        [size, size, 3] uint8, RGB; bilinear with antialiasing.

    Raises:
        ImageError: if the file is empty, truncated, no image, smaller than 4 pixels, larger than
            50 million pixels, or its values have no defined white (floating point, L*a*b*, values
            in 16 or 32 bits that are all so small that they may have 8 to 14 bits).
        ValueError: if `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"image size is {size}, must be at least 1 pixel")
    wide = _is_wide(image := _open(data, name))
    try:
        _refuse_signed(image)
        image.load()
        depth = _gray_depth(image, wide)
        if wide and not image.mode.startswith("I"):
            _refuse_dark_colors(image)
        pixels = _rgb(_upright(image), depth).resize((size, size), Image.Resampling.BILINEAR)
    except _NoWhiteError as error:
        raise ImageError(f"{name}: {error}") from error
    # Pillow raises whatever it trips over in damaged bytes, SyntaxError and struct.error included.
    except Exception as error:
        raise ImageError(f"{name}: corrupt image: {_line(error)}") from error
    return np.asarray(pixels, dtype=np.uint8)


@cache
def _formats() -> tuple[str, ...]:
    """Those of `FORMATS` that this Pillow has; before version 11.3 there is no AVIF."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _open(data: bytes, name: str) -> Image.Image:
    """Parses the header and refuses absurd sizes before any pixel is decoded."""
    if not data:
        raise ImageError(f"{name}: empty file")
    try:
        image = Image.open(io.BytesIO(data), formats=_formats())
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: more than {MAX_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: not an image, or its header is cut off (readable: {', '.join(_formats())})"
        ) from error
    except Exception as error:  # as in `decode`
        raise ImageError(f"{name}: corrupt image: {_line(error)}") from error
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name}: {width}x{height} is more than {MAX_PIXELS} pixels")
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"{name}: {width}x{height} pixels, must be at least {MIN_SIDE}x{MIN_SIDE}")
    return image


def _upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; damaged EXIF data do not spoil good pixels."""
    try:
        turn = _UPRIGHT.get(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # as in `decode`
        return image
    return image if turn is None else image.transpose(turn)


@dataclass(frozen=True)
class _GrayDepth:
    """How gray values of more than 8 bits become 8-bit ones.

    Attributes:
        bits: The value 2^bits - 1 is white.
        inverted: Zero is white.
    """

    bits: int = 16
    inverted: bool = False


def _gray_depth(image: Image.Image, wide: bool) -> _GrayDepth:
    """The scale of an image whose mode is a gray of more than 8 bits.

    Args:
        image: a loaded image.
        wide: whether its file stores 16 bits, see `_is_wide`.

    Raises:
        _NoWhiteError: Its white is not defined.
    """
    if image.mode == "F":
        raise _NoWhiteError("floating-point pixels have no defined white; use 8 or 16 bits")
    if image.mode == "LAB":
        raise _NoWhiteError("L*a*b* pixels have no RGB values without a color profile; use RGB")
    if not image.mode.startswith("I"):
        return _GrayDepth()
    # Pillow knows no extrema of 16 bits in the other order of bytes.
    whole = image.convert("I") if image.mode not in ("I", "I;16") else image
    low, high = (int(value) for value in np.ravel(whole.getextrema()))
    if low < 0 or high > 0xFFFF:
        raise _NoWhiteError(f"gray values {low} to {high} need more than 16 bits")
    tags = getattr(image, "tag_v2", {})
    inverted = image.mode != "I" and tags.get(_TIFF_PHOTOMETRIC) == 0  # of "I", Pillow sees to it
    if tags.get(_TIFF_BITS_PER_SAMPLE) in (12, (12,)):
        return _GrayDepth(12, inverted)
    # Pillow scales PPM values by the white that the file states.
    if image.format != "PPM" or wide:
        container = 32 if image.mode == "I" and image.format == "TIFF" else 16
        _refuse_dark(f"gray values {low} to {high}", high, container)
    return _GrayDepth(16, inverted)


def _refuse_signed(image: Image.Image) -> None:
    """Refuses signed numbers of 8 or 16 bits in a TIFF: white is half. Of 32 bits all are signed."""
    tags: dict[int, Any] = getattr(image, "tag_v2", {})
    bits = int(np.max(tags.get(_TIFF_BITS_PER_SAMPLE, 1)))
    if _SIGNED in np.ravel(tags.get(_TIFF_SAMPLE_FORMAT, 1)) and bits <= 16:
        raise _NoWhiteError(f"signed pixels of {bits} bits have no defined white; use unsigned")


def _is_wide(image: Image.Image) -> bool:
    """Whether an image that is not yet loaded stores 16 bits; of colors, Pillow keeps 8 of them."""
    tiles: list[Any] = getattr(image, "tile", [])
    given = [a for tile in tiles for a in (tile[3] if isinstance(tile[3], tuple) else tile[3:])]
    return any(a == 0xFFFF or (isinstance(a, str) and ";16" in a) for a in given)


def _refuse_dark_colors(image: Image.Image) -> None:
    """Refuses an image of 16 bits a color, loaded and cut to 8, as `_refuse_dark` does a gray one."""
    bands = [image.getchannel(band) for band in image.getbands() if band != "A"]
    most = max(int(np.ravel(band.getextrema())[-1]) for band in bands)
    rounded = 128 if image.format == "PPM" else 0  # other formats are cut
    high = max(1, 256 * most - rounded)
    _refuse_dark(f"color values up to about {high}", high, 16)


def _refuse_dark(values: str, high: int, container: int) -> None:
    """Refuses values that may have fewer bits than they are stored in: white is not defined.

    Raises:
        _NoWhiteError: The largest value has at most `DARK_BITS` bits and is not 0.
    """
    if 0 < high < 2**DARK_BITS:
        bits = next(b for b in (8, 10, 12, DARK_BITS) if high < 2**b)
        raise _NoWhiteError(
            f"{values} in {container} bits are dark, or of {bits} bits; store them in 8 bits, or "
            "spread over 16 bits"
        )


def _rgb(image: Image.Image, depth: _GrayDepth) -> Image.Image:
    """Any mode to 8-bit RGB; strip by strip, for a conversion holds up to six copies at once."""
    if image.mode == "RGB":
        return image
    width, height = image.size
    rows = max(1, STRIP_PIXELS // width)
    if rows >= height:
        return _strip_to_rgb(image, depth)
    whole = Image.new("RGB", image.size)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        whole.paste(_strip_to_rgb(strip, depth), (0, top))
    return whole


def _strip_to_rgb(image: Image.Image, depth: _GrayDepth) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow clips 16-bit gray at 255 instead of scaling it.
        gray = (np.asarray(image) >> (depth.bits - 8)).astype(np.uint8)
        return Image.fromarray(255 - gray if depth.inverted else gray).convert("RGB")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, opaque).convert("RGB")
    return image.convert("RGB")


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def load_images(
    dataset: VehicleImages, size: int, on_corrupt: OnCorrupt = "report"
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], list[str]]:
    """Reads and decodes a set; images that cannot be read are named, never silently dropped.

    The whole result is in memory (200 kB per image at 256 pixels): call it on subsets of a large
    set.

    Args:
        dataset: the images.
        size: side of the result in pixels.
        on_corrupt: "report" leaves unreadable images out and names them, "raise" stops at the
            first one.

    Returns:
        pixels: [images, size, size, 3] uint8, RGB.
        kept: [images] int64, the place of each of them in `dataset`.
        problems: one line per image left out.

    Raises:
        ImageError: if no image can be read; with "raise", if one cannot.
        ValueError: if `on_corrupt` or `size` is not allowed, or the set is empty.
    """
    if on_corrupt not in (known := ("report", "raise")):
        raise ValueError(f"unknown on_corrupt {on_corrupt!r}; {nearest(on_corrupt, known)}")
    if not len(dataset):
        raise ValueError(f"{dataset.name}: no images")
    pixels = np.empty((len(dataset), max(size, 0), max(size, 0), 3), dtype=np.uint8)
    kept: list[int] = []
    problems: list[str] = []
    for i, file in enumerate(dataset.files):
        try:
            pixels[len(kept)] = decode(_read(dataset, i), file.name, size)
        except ImageError as error:
            if on_corrupt == "raise":
                raise
            problems.append(str(error))
        else:
            kept.append(i)
    if not kept:
        raise ImageError(
            f"{dataset.name}: none of {len(dataset)} images can be read; first: {problems[0]}",
            problems,
        )
    return pixels[: len(kept)], np.array(kept, dtype=np.int64), problems


def _read(dataset: VehicleImages, i: int) -> bytes:
    name = dataset.files[i].name
    try:
        return dataset.read(i)
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error
