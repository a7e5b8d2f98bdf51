"""Random numbers by row: each image of a batch draws from a stream of its own.

A stream depends on (seed, point, role, transmission, image) and on nothing else. So a result is the same
for every batch size and worker count, images that leave the batch disturb no other, and two
schemes that meet at one point of the curve meet the same fading and the same noise, use by use:
a shorter burst sees a prefix of what a longer one sees.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor


def _key(*parts: object) -> int:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def _complex(pair: Tensor) -> Tensor:
    """CN(0, 1) of two standard normal numbers each, [..., 2]."""
    return torch.view_as_complex(pair * math.sqrt(0.5))


@dataclass(frozen=True)
class Streams:
    """Counter-based generators (Philox), one for each row of a batch.

    Attributes:
        seed: Of the whole run.
        point: Names the point of the curve without naming the scheme, e.g. "rician snr_db=-6.0".
        images: [batch] int64, index of each row's image in the data set.
        transmission: HARQ transmission, counted from 0.
        role: What the numbers are for: "fading", "noise", ...
        device: Where drawn tensors go; the draw itself is on the CPU, the same everywhere.
    """

    seed: int
    point: str
    images: np.ndarray
    transmission: int = 0
    role: str = ""
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.images)

    def for_role(self, role: str) -> Streams:
        """The streams of another purpose, independent of these."""
        return replace(self, role=f"{self.role}/{role}")

    def rows(self, index: np.ndarray, transmission: int) -> Streams:
        """The streams of some of the images in another transmission."""
        return replace(self, images=self.images[index], transmission=transmission)

    def each(self, draw: Callable[[np.random.Generator], np.ndarray]) -> Tensor:
        """Stacks `draw(generator)` over the rows: any numpy distribution, one stream per row.

        A generator is good until `draw` returns.
        """
        out = [draw(generator) for generator in self._generators()]
        if not out:
            empty = draw(np.random.Generator(np.random.Philox(key=0)))
            return torch.from_numpy(np.empty((0, *empty.shape), empty.dtype)).to(self.device)
        return torch.from_numpy(np.stack(out)).to(self.device)

    def _generators(self) -> Iterator[np.random.Generator]:
        """The generator of each row.

        It is one object that is put to the start of one stream after the other: to make a new one
        takes longer than to draw a hundred numbers.
        """
        # The key names the purpose, the upper counter words the transmission and the image.
        counter = np.array([0, 0, self.transmission, 0], dtype=np.uint64)
        philox = np.random.Philox(key=_key(self.seed, self.point, self.role), counter=counter)
        generator, state = np.random.Generator(philox), philox.state
        for image in self.images.tolist():
            state["state"]["counter"][3] = image
            philox.state = state
            yield generator

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32 [batch, *shape]."""
        out = np.empty((len(self), *shape), np.float32)
        for row, generator in zip(out, self._generators(), strict=True):
            generator.standard_normal(out=row, dtype=np.float32)
        return torch.from_numpy(out).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 [batch, *shape]."""
        out = np.empty((len(self), *shape), np.float32)
        for row, generator in zip(out, self._generators(), strict=True):
            generator.random(out=row, dtype=np.float32)
        return torch.from_numpy(out).to(self.device)

    def complex_normal(self, *shape: int) -> Tensor:
        """CN(0, 1) numbers, complex64 [batch, *shape]: variance 1/2 in each real part."""
        return _complex(self.normal(*shape, 2))  # interleaved: a prefix of the uses is a prefix


@dataclass(frozen=True)
class BatchStreams:
    """The same verbs from one torch generator: for training, where speed beats replay per image.

    Attributes:
        generator: Source of every number; its state moves on.
        batch: Rows.
        device: Where drawn tensors go.
    """

    generator: torch.Generator
    batch: int
    device: str = "cpu"

    def __len__(self) -> int:
        return self.batch

    def for_role(self, role: str) -> BatchStreams:
        """The same generator: whoever draws next gets the next numbers."""
        return self

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32 [batch, *shape]."""
        drawn = torch.randn(self.batch, *shape, generator=self.generator)
        return drawn.to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), float32 [batch, *shape]."""
        return torch.rand(self.batch, *shape, generator=self.generator).to(self.device)

    def complex_normal(self, *shape: int) -> Tensor:
        """CN(0, 1) numbers, complex64 [batch, *shape]."""
        return _complex(self.normal(*shape, 2))
