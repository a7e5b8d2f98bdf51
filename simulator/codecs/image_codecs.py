"""Source coding of the conventional chain: quality of a file, and decoding of a received file.

pixels -> best quality that fits -> file => file -> pixels, gray if nothing can be decoded
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simulator.catalog import CODECS, construct
from simulator.snapshot import unchanged
from simulator.source_codec import (
    QUALITIES,
    DamagedFile,
    SourceCodec,
    file_problem,
    image_problem,
)

#: Value of all pixels of an image of which nothing is known.
GRAY = 128
#: Lowest quality of `fit`; a file that is still too large occupies several slots.
LEAST_QUALITY = 10
#: By how much the file of a higher quality may be smaller, as a share of its size and in bytes;
#: `python benchmarks/quality_dips.py` measures it: JPEG 0.5 %, WebP 3.1 %, AVIF 1.7 % at most.
DIP, DIP_BYTES = 0.04, 16


@dataclass(frozen=True)
class ImageCodec:
    """One source codec at a fixed quality, or at the best one that fits.

    Attributes:
        name: "jpeg", "webp", "avif", an entry point, or "package.module:Class".
        quality: 1 to 95; None for the best whose file fits.

    Raises:
        ValueError: If one of them is not allowed.
    """

    name: str = "jpeg"
    quality: int | None = None

    def __post_init__(self) -> None:
        if self.quality is not None and self.quality not in QUALITIES:
            raise ValueError(f"quality {self.quality} is not allowed, it must be 1 to 95, or fit")
        _ = self.codec  # a failed import raises here

    @cached_property
    def codec(self) -> SourceCodec:
        """The codec of that name."""
        made = construct("codec", self.name, CODECS, {})
        if not isinstance(made, SourceCodec):
            raise ValueError(
                f"codec {self.name!r} is a {type(made).__name__}, "
                "it must be a simulator.source_codec.SourceCodec"
            )
        return made

    def encode(self, pixels: np.ndarray, most_bytes: int, oversize: bool = False) -> bytes:
        """Returns the file of an image.

        Args:
            pixels: uint8 [h, w, 3].
            most_bytes: Largest size that is allowed; only "fit" looks at it.
            oversize: Whether the file of `LEAST_QUALITY` may be larger than that, for a sender
                that takes several slots for it.

        Returns:
            The file; with "fit", that of the best quality that is no larger than `most_bytes`.

        Raises:
            ValueError: When the pixels are no image, or no file of "fit" is small enough.
        """
        files: dict[int, bytes] = {}

        def size(quality: int) -> int:
            if quality not in files:
                files[quality] = self.save(pixels, quality)
            return len(files[quality])

        quality = self.best_quality(size, most_bytes)
        if self.quality is None and size(quality) > most_bytes and not oversize:
            raise ValueError(
                f"codec {self.name}: no file of at most {most_bytes} bytes; "
                f"that of quality {quality}, the least, has {size(quality)}"
            )
        return files[quality] if quality in files else self.save(pixels, quality)

    def best_quality(self, size: Callable[[int], int], most_bytes: int) -> int:
        """Returns the best quality whose file fits, or `LEAST_QUALITY` where none does.

        A file's size grows with its quality but for dips of at most `DIP`. A bisection finds the
        first quality that is too large; behind it, qualities are tried one by one until their files
        are so large that no dip brings one back. The same sizes are asked for whatever is known
        already, so that the answer is always the same.

        Args:
            size: Returns the bytes of the image's file of a quality.
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
        hopeless = most_bytes * (1 + 2 * DIP) + DIP_BYTES
        for quality in range(low, QUALITIES[-1] + 1):
            if size(quality) <= most_bytes:
                best = quality
            elif size(quality) > hopeless:
                break
        return best

    def save(self, pixels: np.ndarray, quality: int) -> bytes:
        """Returns the file of one quality.

        Args:
            pixels: uint8 [h, w, 3].
            quality: 1 to 95.

        Raises:
            ValueError: If the pixels are no image, or the result of the codec is no file, or the
                codec has written into the pixels.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
            raise ValueError(
                f"pixels are {pixels.dtype} {list(pixels.shape)}, they must be uint8 [h, w, 3]"
            )
        with unchanged(f"codec {self.name}", "encode", pixels=pixels):
            data: bytes = self._ask("encode", self.codec.encode, pixels, quality)
            self._refuse("encode", file_problem(data))
        self._twice("encode", data, pixels, quality)
        return data

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """Returns the image of a file that may be truncated, damaged or empty.

        Args:
            data: The received bytes.
            size: (h, w) that the receiver expects.

        Returns:
            uint8 [h, w, 3]; neutral gray if nothing can be decoded.

        Raises:
            ValueError: One line, if the codec breaks its contract: another exception than
                `DamagedFile`, or no image of that size.
        """
        try:
            pixels: np.ndarray = self._ask("decode", self.codec.decode, data, size)
        except DamagedFile:
            return gray(size)
        self._refuse("decode", image_problem(pixels, size))
        self._twice("decode", pixels, data, size)
        return pixels

    def _twice(self, verb: str, found: Any, *arguments: object) -> None:
        """Makes the first call of a user's codec a second time, which must give the same.

        Each worker makes the files anew, so that the numbers would depend on the workers.
        """
        if self.name in CODECS or verb in self._called:
            return
        try:
            with unchanged(f"codec {self.name}", verb, pixels=arguments[0]):
                again = self._ask(verb, getattr(self.codec, verb), *arguments)
        except DamagedFile:
            again = None
        same = again is not None and np.array_equal(np.asarray(again), np.asarray(found))
        self._refuse(verb, None if same else "gave two results for one input")
        self._called.add(verb)

    @cached_property
    def _called(self) -> set[str]:
        return set()

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
    """Returns the image of which nothing is known, uint8 [h, w, 3]."""
    return np.full((*size, 3), GRAY, np.uint8)


def best_effort(
    codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]
) -> np.ndarray:
    """Decodes the bits before the first wrong code block."""
    return codec.decode(data[: good_bits // 8], size)


def drop(codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]) -> np.ndarray:
    """Returns a neutral gray image."""
    return gray(size)


def with_errors(
    codec: ImageCodec, data: bytes, good_bits: int, size: tuple[int, int]
) -> np.ndarray:
    """Decodes all bits with their errors; a receiver should not do this, some papers do."""
    return codec.decode(data, size)


#: Images of files whose CRC never held: (codec, received file, bits before the first wrong code
#: block, size) -> pixels.
FAILURE_POLICIES: dict[str, Callable[[ImageCodec, bytes, int, tuple[int, int]], np.ndarray]] = {
    "best-effort": best_effort,
    "drop": drop,
    "with-errors": with_errors,
}
