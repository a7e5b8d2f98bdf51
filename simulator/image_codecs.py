"""Source coding of the conventional chain: pixels -> a real file, and back, whatever arrives.

Files are what Pillow writes: JPEG (4:2:0, optimised Huffman tables), WebP, AVIF. What comes out of
a bad channel is decoded as far as it goes and never raises.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, features

from semantic.data.names import nearest

#: A picture of which nothing is known.
GREY = 128
#: Ends a JPEG stream: what was cut off before it is filled in by the decoder instead of raising.
JPEG_END = b"\xff\xd9"

SAVE_OPTIONS: dict[str, dict[str, object]] = {
    "jpeg": {"format": "JPEG", "optimize": True, "subsampling": "4:2:0"},
    "webp": {"format": "WEBP", "method": 4},
    "avif": {"format": "AVIF", "speed": 6},
}
QUALITIES = range(1, 96)
#: The least quality that `fit` goes down to before it takes more slots instead.
LEAST_QUALITY = 10


@dataclass(frozen=True)
class ImageCodec:
    """One source codec at a fixed quality, or at the best one that fits.

    Attributes:
        name: "jpeg", "webp" or "avif".
        quality: 1 to 95; None for the best whose file fits.

    Raises:
        ValueError: When one of them is not allowed.
    """

    name: str = "jpeg"
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.name not in SAVE_OPTIONS:
            raise ValueError(
                f"unknown source codec {self.name!r}; {nearest(self.name, SAVE_OPTIONS)}"
            )
        if self.quality is not None and self.quality not in QUALITIES:
            raise ValueError(f"quality {self.quality} is not allowed, it must be 1 to 95, or fit")
        if self.name != "jpeg" and not features.check(self.name):
            raise ValueError(f"source codec {self.name!r} is not in this build of Pillow; try jpeg")

    def encode(self, pixels: np.ndarray, most_bytes: int) -> bytes:
        """The file of an image.

        Args:
            pixels: uint8 [h, w, 3].
            most_bytes: What a slot holds; only "fit" looks at it.

        Returns:
            The file. With "fit", that of the best quality that is no larger than `most_bytes`; of
            `LEAST_QUALITY` where none is.

        Raises:
            ValueError: When the pixels are no image.
        """
        files: dict[int, bytes] = {}

        def size(quality: int) -> int:
            if quality not in files:
                files[quality] = self.save(pixels, quality)
            return len(files[quality])

        quality = self.best_quality(size, most_bytes)
        return files[quality] if quality in files else self.save(pixels, quality)

    def best_quality(self, size: Callable[[int], int], most_bytes: int) -> int:
        """The quality of an image's file.

        Size grows with quality, nearly always: a bisection, which asks for seven sizes at most. It
        asks for the same ones whatever is known already, so that the answer is always the same.

        Args:
            size: Bytes of the image's file by quality.
            most_bytes: As in `encode`.
        """
        if self.quality is not None:
            return self.quality
        best, low, high = LEAST_QUALITY, LEAST_QUALITY, QUALITIES[-1]
        while low <= high:
            middle = (low + high) // 2
            if size(middle) <= most_bytes:
                best, low = middle, middle + 1
            else:
                high = middle - 1
        return best

    def save(self, pixels: np.ndarray, quality: int) -> bytes:
        """The file of one quality.

        Args:
            pixels: uint8 [h, w, 3].
            quality: 1 to 95.

        Raises:
            ValueError: When the pixels are no image.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                f"pixels are {pixels.dtype} {list(pixels.shape)}, they must be uint8 [h, w, 3]"
            )
        out = io.BytesIO()
        options = SAVE_OPTIONS[self.name]
        Image.fromarray(pixels).save(out, quality=quality, **options)  # type: ignore[arg-type]
        return out.getvalue()

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """The picture in a file that may be cut off, damaged or empty.

        Args:
            data: What arrived.
            size: (h, w) that the receiver expects; another size in a damaged header is refused.

        Returns:
            uint8 [h, w, 3]; neutral grey where nothing can be decoded.
        """
        grey = np.full((*size, 3), GREY, np.uint8)
        tail = JPEG_END if self.name == "jpeg" else b""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # damaged metadata warns; the picture counts
                image = Image.open(io.BytesIO(data + tail))
                if image.size != (size[1], size[0]):
                    return grey
                return np.asarray(image.convert("RGB"))
        except Exception:  # a damaged header can raise anything at all
            return grey


def best_effort(
    codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]
) -> np.ndarray:
    """What the bits before the first bad code block give."""
    return codec.decode(data[: good_bits // 8], size)


def drop(codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]) -> np.ndarray:
    """A neutral grey picture."""
    return codec.decode(b"", size)


def with_errors(
    codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]
) -> np.ndarray:
    """All bits as they were decided, errors and all: no receiver should, some papers do."""
    return codec.decode(data, size)


#: What is done with a file whose CRC never held: (codec, file as received, bits before the first
#: bad code block, size) -> pixels.
FAILURE_POLICIES: dict[str, Callable[[ImageCodec, bytes, int, tuple[int, int]], np.ndarray]] = {
    "best-effort": best_effort,
    "drop": drop,
    "with-errors": with_errors,
}
