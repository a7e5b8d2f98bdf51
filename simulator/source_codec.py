"""The contract of a source codec: image -> file, and back from a file with errors.

A codec is a class with `encode` and `decode`. The simulator chooses the quality of a file, and what
to do if nothing can be decoded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np

#: Qualities of `encode`; 95 is the best.
QUALITIES = range(1, 96)


class DamagedFile(ValueError):  # noqa: N818 -- a state of a file, not an error of the program
    """The received file cannot be decoded; the codec itself works."""


class SourceCodec(ABC):
    """Pixels -> file -> pixels; subclasses are final and hold nothing about images.

    The receiver knows the size of the image, so that a file need not contain it.
    """

    #: Paths of the files that the codec reads: a changed file recomputes the points of a run.
    files: Sequence[str | Path] = ()

    @abstractmethod
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        """Returns the file of an image.

        Args:
            pixels: uint8 [h, w, 3]; must not be changed.
            quality: 1 to 95. A higher quality gives a better image and no smaller a file: with
                quality=fit, the simulator bisects over it.

        Returns:
            At least one byte.
        """

    @abstractmethod
    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """Returns the image of a file that may be truncated, damaged or empty.

        Args:
            data: The received bytes.
            size: (h, w) of the image.

        Returns:
            uint8 [h, w, 3]; of a truncated file, as much of the image as it contains.

        Raises:
            DamagedFile: If nothing can be decoded, or only an image of another size.
        """


def image_problem(pixels: object, size: tuple[int, int]) -> str | None:
    """Returns the problem of a result of `SourceCodec.decode`; None for no problem.

    >>> image_problem(np.zeros((4, 6, 3)), (4, 6))
    'gave float64 [4, 6, 3], it must be uint8 [4, 6, 3]'
    """
    wanted = [*size, 3]
    if not isinstance(pixels, np.ndarray):
        return f"gave a {type(pixels).__name__}, it must be a numpy array, uint8 {wanted}"
    if pixels.dtype != np.uint8 or list(pixels.shape) != wanted:
        return f"gave {pixels.dtype} {list(pixels.shape)}, it must be uint8 {wanted}"
    return None


def file_problem(data: object) -> str | None:
    """Returns the problem of a result of `SourceCodec.encode`; None for no problem.

    >>> file_problem(b"")
    'gave an empty file'
    """
    if not isinstance(data, bytes):
        return f"gave a {type(data).__name__}, it must be bytes"
    return None if data else "gave an empty file"
