"""The files of a run's pictures, each made once, whichever slots it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import numpy as np

from simulator.codecs.image_codecs import ImageCodec


@final
class PictureFiles:
    """Files by picture and size limit, and the sizes of all qualities that were ever tried.

    What comes out depends on picture and limit alone, not on what was asked before: the search
    tries the same qualities, and only their sizes are remembered.

    Args:
        codec: Source codec.
        pixels: Gives uint8 [h, w, 3] of a picture by its number; asked only for what must be
            encoded.
    """

    def __init__(self, codec: ImageCodec, pixels: Callable[[int], np.ndarray]) -> None:
        self.codec, self._pixels = codec, pixels
        self._files: dict[tuple[int, int], bytes] = {}
        self._sizes: dict[int, dict[int, int]] = {}
        self._qualities: dict[tuple[int, int], int] = {}

    def file(self, picture: int, most_bytes: int) -> bytes:
        """The file of a picture under a size limit, see `ImageCodec.encode`.

        Args:
            picture: Its number in the data set.
            most_bytes: What a slot holds.
        """
        limit = picture, most_bytes
        if limit not in self._qualities:
            self._search(picture, most_bytes)
        return self._files[picture, self._qualities[limit]]

    def _search(self, picture: int, most_bytes: int) -> None:
        sizes = self._sizes.setdefault(picture, {})
        made: dict[int, bytes] = {}
        pixels: list[np.ndarray] = []

        def make(quality: int) -> bytes:
            if quality not in made:
                if not pixels:
                    pixels.append(self._pixels(picture))
                made[quality] = self.codec.save(pixels[0], quality)
                sizes[quality] = len(made[quality])
            return made[quality]

        def size(quality: int) -> int:
            return sizes[quality] if quality in sizes else len(make(quality))

        quality = self.codec.best_quality(size, most_bytes)
        if (picture, quality) not in self._files:
            self._files[picture, quality] = make(quality)
        self._qualities[picture, most_bytes] = quality
