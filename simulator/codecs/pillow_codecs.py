"""Source codecs of Pillow: JPEG (4:2:0, optimized Huffman tables), WebP, AVIF."""

from __future__ import annotations

import io
import warnings
from functools import partial
from typing import final

import numpy as np
from PIL import Image, features

from simulator.source_codec import DamagedFile, SourceCodec

SAVE_OPTIONS: dict[str, dict[str, object]] = {
    "jpeg": {"format": "JPEG", "optimize": True, "subsampling": "4:2:0"},
    "webp": {"format": "WEBP", "method": 4},
    "avif": {"format": "AVIF", "speed": 6},
}
#: End of a JPEG stream: with it, the decoder fills in a truncated image instead of raising.
JPEG_END = b"\xff\xd9"


@final
class PillowCodec(SourceCodec):
    """A codec of `SAVE_OPTIONS`.

    Args:
        name: "jpeg", "webp" or "avif".

    Raises:
        ValueError: If this build of Pillow does not have it.
    """

    def __init__(self, name: str) -> None:
        if name != "jpeg" and not features.check(name):
            raise ValueError(f"codec {name!r} is not in this build of Pillow; try jpeg")
        self.name = name
        self._tail = JPEG_END if name == "jpeg" else b""

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        """Returns the file that Pillow writes."""
        out = io.BytesIO()
        options = SAVE_OPTIONS[self.name]
        Image.fromarray(pixels).save(out, quality=quality, **options)  # type: ignore[arg-type]
        return out.getvalue()

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """Returns the image as far as Pillow can decode it.

        Raises:
            DamagedFile: If it cannot, or the header has another size.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # only the image matters, not damaged metadata
                image = Image.open(io.BytesIO(data + self._tail))
                if image.size == (size[1], size[0]):
                    return np.asarray(image.convert("RGB"))
        except Exception as error:  # a damaged header can raise anything at all
            raise DamagedFile(f"{type(error).__name__}: {error}") from None
        raise DamagedFile(f"an image of {image.size[1]} x {image.size[0]} pixels")


jpeg, webp, avif = (partial(PillowCodec, name) for name in SAVE_OPTIONS)
