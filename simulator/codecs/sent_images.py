"""The files of a run's images, and s of files that arrive without errors.

image -> file => s        cached on disk: neither depends on SNR or seed
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import final

import numpy as np
import PIL
import torch
from torch import Tensor

from simulator.cache import cache_file, load_cached, save_cached
from simulator.catalog import CODECS
from simulator.codecs import encoded_files, heif_codec, image_codecs, pillow_codecs
from simulator.codecs.encoded_files import EncodedFiles
from simulator.codecs.image_codecs import ImageCodec, gray
from simulator.encoded_dataset import TILE, EncodedDataset

#: Images of a block: one pass of the encoder, so that a block costs as much as one image.
BLOCK = TILE
#: (Number of a block of readable images, size limit of its files).
Place = tuple[int, int]


@final
class SentImages:
    """The files of a run's images by size limit, and s of those that arrive without errors.

    Both are made block by block, on demand. Each block is kept in memory, and on disk under a hash
    of all that it depends on, so that other workers and later runs find it. Files of a user's own
    codec are kept in memory alone: the dependencies of its code are not known here.

    Args:
        codec: Source codec.
        encoded: The images of the run and its encoder.
    """

    def __init__(self, codec: ImageCodec, encoded: EncodedDataset) -> None:
        self.codec, self.encoded = codec, encoded
        self._maker = EncodedFiles(codec, lambda image: encoded.pixels(np.array([image]))[0])
        self._files: dict[Place, list[bytes]] = {}
        self._place: dict[bytes, Place] = {}  # block of a file, by the file's hash
        self._s: dict[bytes, Tensor] = {}  # by the file's hash
        self._gray: dict[bytes, Tensor] = {}  # s of the gray image, by the hash of its pixels

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of every image in pixels."""
        return (self.encoded.image_size,) * 2

    def files(self, images: list[int], most_bytes: int) -> list[bytes]:
        """Returns the files of images under a size limit, see `ImageCodec.encode`.

        Args:
            images: Rows of the readable images.
            most_bytes: Bytes that fit a slot.
        """
        limit = most_bytes if self.codec.quality is None else 0  # a fixed quality has no limit
        return [self._block((p // BLOCK, limit))[p % BLOCK] for p in images]

    def s(self, data: bytes) -> Tensor | None:
        """Returns s [1024] of the image of a file that `files` returned; None for any other file."""
        name = _hash(data)
        if name not in self._s:
            if name not in self._place:
                return None
            self._encode(self._files[self._place[name]])
        return self._s[name]

    def s_of_pixels(self, images: list[np.ndarray]) -> list[Tensor]:
        """Returns s [1024] of decoded images, uint8 [h, w, 3] each.

        Equal images are encoded once, and the gray one, of which nothing arrived, once in a run.
        """
        keys = [hashlib.sha256(image.tobytes()).digest() for image in images]
        new = {k: p for k, p in zip(keys, images, strict=True) if k not in self._gray}
        s = dict(self._gray)
        if new:
            made = self.encoded.encode_pixels(np.stack(list(new.values())))
            s.update(zip(new, made, strict=True))
        nothing = hashlib.sha256(gray(self.size).tobytes()).digest()
        self._gray = {key: row for key, row in s.items() if key == nothing}
        return [s[key] for key in keys]

    def _block(self, place: Place) -> list[bytes]:
        if place not in self._files:
            block, limit = place
            images = self.encoded.readable.kept[block * BLOCK : (block + 1) * BLOCK].tolist()
            path = self._cache_file("files", *self.encoded.depends_on_images, limit, images)
            found = None if path is None else load_cached(path)
            if found is None:
                files = [self._maker.file(image, limit) for image in images]
                if path is not None:
                    save_cached(path, _concatenated(files))
            else:
                files = _split(found[0])
            self._place.update((_hash(data), place) for data in files)
            self._files[place] = files
        return self._files[place]

    def _encode(self, files: list[bytes]) -> None:
        """Decodes the files of a block to pixels and encodes them to s."""
        encoded, names = self.encoded, [_hash(data) for data in files]
        path = self._cache_file("arrived", *encoded.depends_on_encoder, names)
        found = None if path is None else load_cached(path)
        if found is None:
            pixels = [self.codec.decode(data, self.size) for data in files]
            s = encoded.encode_pixels(np.stack(pixels))
            if path is not None:
                save_cached(path, {"s": s.cpu()})
        else:
            s = found[0]["s"].to(encoded.device)
        self._s.update(zip(names, s, strict=True))

    def _cache_file(self, kind: str, *depends_on: object) -> Path | None:
        name = str(self.codec.name)
        if name not in CODECS:
            return None
        return cache_file(kind, name, self.codec.quality, _codec_code(name), *depends_on)


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _concatenated(files: list[bytes]) -> dict[str, Tensor]:
    """Returns the files end to end, and the end of each."""
    joined = np.frombuffer(b"".join(files), np.uint8).copy()
    ends = np.cumsum([len(data) for data in files])
    return {"bytes": torch.from_numpy(joined), "ends": torch.from_numpy(ends)}


def _split(tensors: dict[str, Tensor]) -> list[bytes]:
    """Returns the files that `_concatenated` was given."""
    joined, ends = tensors["bytes"].numpy().tobytes(), tensors["ends"].tolist()
    return [joined[a:b] for a, b in zip([0, *ends], ends, strict=False)]


@cache
def _codec_code(name: str) -> tuple[str, ...]:
    """Returns what the files of one of this package's codecs depend on beside the images."""
    own = heif_codec if name == "heic" else pillow_codecs
    version = heif_codec.library().__version__ if name == "heic" else PIL.__version__
    modules = (image_codecs, encoded_files, own)
    code = [hashlib.sha256(Path(str(m.__file__)).read_bytes()).hexdigest() for m in modules]
    return (version, *code)
