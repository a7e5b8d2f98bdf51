"""Source coding of the conventional chain: which quality a file gets, and what becomes of it.

pixels -> the best quality that fits -> file => file -> pixels, gray where nothing can be decoded
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simulator.catalog import CODECS, construct
from simulator.source_codec import (
    QUALITIES,
    DamagedFile,
    SourceCodec,
    file_problem,
    image_problem,
)

#: An image of which nothing is known.
GREY = 128
#: The least quality that `fit` goes down to before it takes more slots instead.
LEAST_QUALITY = 10


@dataclass(frozen=True)
class ImageCodec:
    """One source codec at a fixed quality, or at the best one that fits.

    Attributes:
        name: "jpeg", "webp", "avif", an entry point, or "package.module:Class".
        quality: 1 to 95; None for the best whose file fits.

    Raises:
        ValueError: When one of them is not allowed.
    """

    name: str = "jpeg"
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.quality is not None and self.quality not in QUALITIES:
            raise ValueError(f"quality {self.quality} is not allowed, it must be 1 to 95, or fit")
        _ = self.codec  # what cannot be imported or made shows now

    @cached_property
    def codec(self) -> SourceCodec:
        """What the name stands for."""
        made = construct("codec", str(self.name), CODECS, {})  # a number is a name too
        if not isinstance(made, SourceCodec):
            raise ValueError(
                f"codec {self.name!r} is a {type(made).__name__}, "
                "it must be a simulator.source_codec.SourceCodec"
            )
        return made

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
            ValueError: When the pixels are no image, or what the codec made of them no file.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                f"pixels are {pixels.dtype} {list(pixels.shape)}, they must be uint8 [h, w, 3]"
            )
        data: bytes = self._ask("encode", self.codec.encode, pixels, quality)
        self._refuse("encode", file_problem(data))
        return data

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """The image in a file that may be cut off, damaged or empty.

        Args:
            data: What arrived.
            size: (h, w) that the receiver expects; another size in a damaged header is refused.

        Returns:
            uint8 [h, w, 3]; neutral gray where nothing can be decoded.

        Raises:
            ValueError: One line, for what the codec must not do: another exception than
                `DamagedFile`, or no image of that size.
        """
        try:
            pixels: np.ndarray = self._ask("decode", self.codec.decode, data, size)
        except DamagedFile:
            return gray(size)
        self._refuse("decode", image_problem(pixels, size))
        return pixels

    def _ask(self, verb: str, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            return function(*arguments)
        except DamagedFile:
            raise
        except Exception as error:  # a user's codec can raise anything
            text = " ".join(f"raised {type(error).__name__}: {error}".split())
            raise ValueError(f"codec {self.name}: {verb} {text}") from error

    def _refuse(self, verb: str, problem: str | None) -> None:
        if problem is not None:
            raise ValueError(f"codec {self.name}: {verb} {problem}")


def gray(size: tuple[int, int]) -> np.ndarray:
    """An image of which nothing is known, uint8 [h, w, 3]."""
    return np.full((*size, 3), GREY, np.uint8)


def best_effort(
    codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]
) -> np.ndarray:
    """What the bits before the first bad code block give."""
    return codec.decode(data[: good_bits // 8], size)


def drop(codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]) -> np.ndarray:
    """A neutral gray image."""
    return gray(size)


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
