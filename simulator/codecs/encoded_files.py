"""Files of a run's images, each made once for all slots."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np

from simulator.codecs.image_codecs import ImageCodec


@final
class EncodedFiles:
    """Files by image and size limit, and the sizes of all qualities tried so far.

    A file depends on image and limit alone, not on earlier calls: the search always tries the same
    qualities, and only their sizes are cached.

    Args:
        codec: Source codec.
        pixels: Returns uint8 [h, w, 3] of an image by its number; called only for images that must
            be encoded.
    """

    def __init__(self, codec: ImageCodec, pixels: Callable[[int], np.ndarray]) -> None:
        self.codec, self._pixels = codec, pixels
        self._files: dict[tuple[int, int], bytes] = {}
        self._sizes: dict[int, dict[int, int]] = {}
        self._qualities: dict[tuple[int, int], int] = {}

    def file(self, image: int, most_bytes: int) -> bytes:
        """Returns the file of an image under a size limit, see `ImageCodec.encode`.

        Args:
            image: Number of the image in the data set.
            most_bytes: Bytes that fit a slot.
        """
        limit = image, most_bytes
        if limit not in self._qualities:
            self._search(image, most_bytes)
        return self._files[image, self._qualities[limit]]

    def _search(self, image: int, most_bytes: int) -> None:
        sizes = self._sizes.setdefault(image, {})
        made: dict[int, bytes] = {}
        pixels: list[np.ndarray] = []

        def make(quality: int) -> bytes:
            if quality not in made:
                if not pixels:
                    pixels.append(self._pixels(image))
                made[quality] = self.codec.save(pixels[0], quality)
                sizes[quality] = len(made[quality])
            return made[quality]

        def size(quality: int) -> int:
            return sizes[quality] if quality in sizes else len(make(quality))

        quality = self.codec.best_quality(size, most_bytes)
        if (image, quality) not in self._files:
            self._files[image, quality] = make(quality)
        self._qualities[image, most_bytes] = quality
