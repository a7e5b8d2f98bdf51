"""Bytes to pixels: any common image file as RGB of one size, or one line saying why not."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from semantic.data.dataset import VehicleImages
from semantic.suggest import nearest

OnCorrupt = Literal["report", "raise"]

# Named, because Pillow would otherwise also try formats that start other programs (EPS).
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000")
MIN_SIDE = 4  # pixels; below, there is no vehicle to see
MAX_PIXELS = 50_000_000  # 150 MB of RGB; no camera crop is near it

_EXIF_ORIENTATION = 0x0112
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
    """An image that cannot be used; the message is one line that begins with its name."""


def decode(data: bytes, name: str, size: int) -> npt.NDArray[np.uint8]:
    """Decode an image, turn it upright and resize it.

    CMYK, gray, palette and 16-bit images become 8-bit RGB; what is transparent becomes white. The
    aspect ratio is not kept, as is usual in re-identification.

    Args:
        data: the file's content.
        name: what a message calls the image.
        size: side of the result in pixels.

    Returns:
        [size, size, 3] uint8, RGB; bilinear with antialiasing.

    Raises:
        ImageError: if the file is empty, truncated, no image, smaller than 4 pixels or larger than
            50 million pixels.
        ValueError: if `size` is below 1.
    """
    if size < 1:
        raise ValueError(f"image size is {size}, must be at least 1 pixel")
    image = _open(data, name)
    try:
        image.load()
        pixels = _rgb(_upright(image)).resize((size, size), Image.Resampling.BILINEAR)
    # Pillow raises whatever it trips over in damaged bytes, SyntaxError and struct.error included.
    except Exception as error:
        raise ImageError(f"{name}: corrupt image: {_line(error)}") from error
    return np.asarray(pixels, dtype=np.uint8)


def _open(data: bytes, name: str) -> Image.Image:
    """Parse the header and refuse absurd sizes before any pixel is decoded."""
    if not data:
        raise ImageError(f"{name}: empty file")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{name}: more than {MAX_PIXELS} pixels") from error
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{name}: not an image, or its header is cut off (readable: {', '.join(FORMATS)})"
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


def _rgb(image: Image.Image) -> Image.Image:
    """Any mode to 8-bit RGB."""
    if image.mode == "RGB":
        return image
    if image.mode == "F":
        raise ValueError("floating-point pixels have no defined white; use 8 or 16 bits")
    if image.mode.startswith("I"):
        # Pillow clips 16-bit gray at 255 instead of scaling it.
        gray = np.asarray(image.convert("I"), dtype=np.int64)
        if gray.min() < 0 or gray.max() > 0xFFFF:
            raise ValueError(f"gray values {gray.min()} to {gray.max()} need more than 16 bits")
        return Image.fromarray((gray >> 8).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, opaque).convert("RGB")
    return image.convert("RGB")


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text or type(error).__name__


def load_images(
    dataset: VehicleImages, size: int, on_corrupt: OnCorrupt = "report"
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], list[str]]:
    """Read and decode a set; images that cannot be read are named, never silently dropped.

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
    if on_corrupt not in ("report", "raise"):
        hint = nearest(on_corrupt, ("report", "raise"))
        raise ValueError(f"unknown on_corrupt {on_corrupt!r}; {hint}")
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
            f"{dataset.name}: none of {len(dataset)} images can be read; first: {problems[0]}"
        )
    return pixels[: len(kept)], np.array(kept, dtype=np.int64), problems


def _read(dataset: VehicleImages, i: int) -> bytes:
    name = dataset.files[i].name
    try:
        return dataset.read(i)
    except OSError as error:
        raise ImageError(f"{name}: cannot be read: {error.strerror or error}") from error
