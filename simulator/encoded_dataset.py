"""The images of a run as schemes read them: encoded once, for any number of SNRs.

dataset -> decode -> encoder -> s        cached on disk under a hash of images and weights
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from semantic.data.dataset import VehicleImages
from semantic.data.images import ImageError, load_images
from semantic.encoder.densenet import normalize
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.tiles import in_tiles
from semantic.weights.stored import EncoderBundle
from simulator.cache import cache_file, load_cached, save_cached
from simulator.encoder_cache import image_hashes, known_outputs, list_outputs

#: Part of every cache key: raise it when the results computed from an image change.
VERSION = "3"
#: Images decoded at a time, and images in one pass of the encoder.
CHUNK, TILE = 512, 32

Progress = Callable[[str, int, int], None]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Readable:
    """The images of a data set that can be read.

    Attributes:
        kept: [kept] int64, their positions in the data set.
        problems: One line per image that cannot be read.
    """

    kept: np.ndarray
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Features:
    """Encoder outputs of a data set.

    Attributes:
        s: [kept, 1024] float32.
        kept: [kept] int64, position of each row's image in the data set.
        problems: One line per image that cannot be read.
    """

    s: Tensor
    kept: np.ndarray
    problems: tuple[str, ...]


class EncodedDataset:
    """A data set together with the encoder of a run.

    Args:
        dataset: The labeled images.
        encoder: The multi-task network and its config.
        device: Torch device of the encoder.
        progress: Called with (what, done, total) during long work.
    """

    def __init__(
        self, dataset: VehicleImages, encoder: EncoderBundle, device: str, progress: Progress
    ) -> None:
        self.dataset, self.encoder = dataset, encoder
        self.device, self.progress = device, progress
        self._derived: dict[object, Any] = {}

    def embedding(self, performers: TaskPerformers, index: np.ndarray) -> Tensor:
        """Returns embeddings of some images without a channel: [rows, width].

        Args:
            performers: Networks that compute them from s.
            index: [rows] int64, rows of the readable images.
        """

        def embed(s: Tensor) -> Tensor:
            found: TaskOutputs = performers(s)
            return found.embedding

        return in_tiles(embed, self.features.s[index])

    def once(self, key: object, make: Callable[[], Value]) -> Value:
        """Returns what `make` derives from this data set, made at the first call with that key.

        Schemes hold nothing about images; what they derive from all of them is kept here.

        Args:
            key: Hashable, different for different results (e.g. a name and the codec).
            make: Makes the value.
        """
        if key not in self._derived:
            self._derived.setdefault(key, make())  # threads of a worker share the first one
        value: Value = self._derived[key]
        return value

    def behind(self, encoder: EncoderBundle) -> EncodedDataset:
        """Returns the same images with another encoder, which sees each of them once."""
        key = "behind", repr(sorted(encoder.hashes.items())), encoder.precision
        return self.once(
            key, lambda: EncodedDataset(self.dataset, encoder, self.device, self.progress)
        )

    @property
    def image_size(self) -> int:
        """Edge in pixels of the images that the encoder reads."""
        return int(self.encoder.config["image_size"])

    @property
    def source_values(self) -> int:
        """Source dimension n of an image: color values of the pixels that the encoder reads."""
        return 3 * self.image_size**2

    def pixels(self, index: np.ndarray) -> np.ndarray:
        """Returns images by position [rows]: uint8 [rows, size, size, 3], decoded and resized.

        Raises:
            ImageError: Names the first file that cannot be read.
        """
        return load_images(self.dataset.subset(index), self.image_size, "raise")[0]

    @property
    def depends_on_images(self) -> tuple[object, ...]:
        """Part of the cache key of everything that is computed from the pixels."""
        return VERSION, self.image_size, self.dataset.content_hash()

    @property
    def depends_on_encoder(self) -> tuple[object, ...]:
        """Part of the cache key of s beside the pixels."""
        precision = () if self.encoder.precision == "fp32" else (self.encoder.precision,)
        device = self.device.split(":")[0]
        code = (self.encoder.code,) if self.encoder.code else ()
        return VERSION, self.image_size, self.encoder.hashes, device, *precision, *code

    @cached_property
    def features(self) -> Features:
        """Encoder outputs, from the cache if they are there."""
        path = cache_file("s", self.depends_on_images, self.depends_on_encoder)
        known = load_cached(path)
        if known is not None:
            tensors, problems = known
            s, kept = tensors["s"].to(self.device), tensors["kept"].numpy()
            return Features(s, kept, tuple(json.loads(problems)))
        images = image_hashes(self.dataset)
        outputs = known_outputs(images, self.depends_on_encoder)
        if outputs is not None:
            return Features(outputs.to(self.device), np.arange(len(outputs)), ())
        found = self._encode()
        places = torch.from_numpy(found.kept)
        tensors = {"s": found.s.cpu(), "kept": places, "images": images[places]}
        save_cached(path, tensors, json.dumps(found.problems))
        list_outputs(path.name, self.depends_on_encoder)
        return found

    @cached_property
    def readable(self) -> Readable:
        """The images that can be read; needs no encoding.

        Raises:
            ImageError: If no image can be read.
        """
        encoded = self.__dict__.get("features")
        if encoded is not None:
            return Readable(encoded.kept, encoded.problems)
        path = cache_file("readable", self.depends_on_images)
        known = load_cached(path)
        if known is not None:
            return Readable(known[0]["kept"].numpy(), tuple(json.loads(known[1])))
        kept, problems, total = [], list[str](), len(self.dataset)
        for places, pixels in self._read(problems):
            kept.append(places)
            self.progress("reading images", int(places[0]) + len(pixels), total)
        found = Readable(np.concatenate(kept), tuple(problems))
        save_cached(path, {"kept": torch.from_numpy(found.kept)}, json.dumps(problems))
        return found

    def _encode(self) -> Features:
        parts: list[Tensor] = []
        kept: list[np.ndarray] = []
        problems: list[str] = []
        for places, pixels in self._read(problems):
            kept.append(places)
            for first in range(0, len(pixels), TILE):
                parts.append(self.encode_pixels(pixels[first : first + TILE]))
                done = int(places[0]) + first + len(parts[-1])
                self.progress("encoding images", done, len(self.dataset))
        return Features(torch.cat(parts), np.concatenate(kept), tuple(problems))

    def _read(self, problems: list[str]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields (positions, pixels) of the images that can be read, chunk by chunk.

        Args:
            problems: Receives one line per image that cannot be read.
        """
        none, total = True, len(self.dataset)
        for start in range(0, total, CHUNK):
            index = np.arange(start, min(start + CHUNK, total))
            try:
                pixels, good, bad = load_images(self.dataset.subset(index), self.image_size)
            except ImageError as error:  # no image of this chunk can be read
                problems += error.problems
                continue
            problems += bad
            none = False
            yield index[good], pixels
        if none:
            raise ImageError(f"{self.dataset.name}: no image can be read; first: {problems[0]}")

    def encode_pixels(self, pixels: np.ndarray) -> Tensor:
        """Returns s [batch, 1024] of uint8 pixels [batch, size, size, 3]."""
        network = self.encoder.network
        with torch.inference_mode():
            rows = torch.from_numpy(pixels).to(self.device)
            s: Tensor = in_tiles(lambda x: network.encoder(normalize(x)), rows, tile=TILE)
        return s
