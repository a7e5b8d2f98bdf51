"""The contract of a source codec: a image to a file, and back from whatever has arrived.

A codec of one's own is a class with `encode` and `decode`; which quality a file gets, and what is
done where nothing can be decoded, belongs to the simulator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

#: What `encode` is asked for: 95 is the best.
QUALITIES = range(1, 96)


class DamagedFile(ValueError):  # noqa: N818 -- what it is, not what went wrong in the program
    """What has arrived cannot be decoded: no fault of the codec's."""


class SourceCodec(ABC):
    """Pixels -> file -> pixels; subclasses are final and remember nothing between images.

    The receiver knows the size of the image, so that a file need not say it.
    """

    @abstractmethod
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        """The file of a image.

        Args:
            pixels: uint8 [h, w, 3], not to be written to.
            quality: 1 to 95; a higher one gives a better image in a file that is no smaller.
                "fit" bisects over it.

        Returns:
            At least one byte.
        """

    @abstractmethod
    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        """The image in a file that may be cut off, damaged or empty.

        Args:
            data: What has arrived.
            size: (h, w) of the image.

        Returns:
            uint8 [h, w, 3]: of a file that was cut off, as much as it still says.

        Raises:
            DamagedFile: Where nothing can be decoded, or a image of another size.
        """


def image_problem(pixels: object, size: tuple[int, int]) -> str | None:
    """What is wrong with what `SourceCodec.decode` gave; None for nothing.

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
    """What is wrong with what `SourceCodec.encode` gave; None for nothing.

    >>> file_problem(b"")
    'gave an empty file'
    """
    if not isinstance(data, bytes):
        return f"gave a {type(data).__name__}, it must be bytes"
    return None if data else "gave an empty file"
