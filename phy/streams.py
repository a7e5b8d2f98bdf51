"""Random numbers by row: each image of a batch draws from a stream of its own.

A number is a function of (seed, point, image, transmission, role, number of the draw, place in the
draw) and of nothing else. Therefore:

- A result is the same for every batch size, number of workers and device, and images that leave the
  batch disturb no other.
- Two schemes that meet at one point of the curve meet the same fading and the same noise, use by
  use: a shorter burst sees a prefix of what a longer one sees.
- Two draws of one role are independent, whichever verbs they use, and so are draws of two roles.

Evaluation and training draw from the same class. They differ in the key alone: evaluation takes the
run's seed, training a number of its torch generator (`training_streams`).
"""

from __future__ import annotations

import hashlib
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.kernels import philox
from phy.old_paths import warn_old_attribute

#: Seeds are below this number.
SEEDS = 2**64


@dataclass(frozen=True, eq=False)
class Streams:
    """One stream of random numbers for each row of a batch.

    The verbs `normal`, `uniform`, `complex_normal` and `each` draw for all rows. The draws of a role
    are counted: the first draw gives the numbers of draw 0, the next those of draw 1. The count
    belongs to the object and to all that `for_role` derives from it, so that asking for a role a
    second time goes on where the first time ended. A new object, and what `rows` gives, starts at
    draw 0; so a transmission can be repeated.

    Nakagami-3 fading, from three independent draws:

    >>> streams = Streams(seed=1, point="snr_db=0", images=np.arange(100_000))
    >>> power = sum(streams.complex_normal(1).abs().square() for _ in range(3)) / 3
    >>> print(f"mean {power.mean():.2f}, variance {power.var():.2f}")
    mean 1.00, variance 0.33

    Attributes:
        seed: Seed of the whole run, from 0 to 2^64 - 1.
        point: Names the point of the curve without naming the scheme, e.g. "rician snr_db=-6.0".
        images: [batch] int64, index of each row's image in the data set.
        transmission: HARQ transmission, counted from 0.
        role: What the numbers are for: "/fading", "/noise", ...
        device: Where drawn tensors are made: the same numbers on every device.

    Raises:
        ValueError: When the seed or the transmission is not allowed, or the images are not whole
            numbers.
    """

    seed: int
    point: str
    images: NDArray[np.int64]
    transmission: int = 0
    role: str = ""
    device: str = "cpu"
    _draws: dict[str, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # the class is frozen
        set_(self, "seed", _whole("seed", self.seed))
        set_(self, "transmission", _whole("transmission", self.transmission))
        images = np.asarray(self.images)
        if images.ndim != 1 or (images.size and images.dtype.kind not in "iu"):
            raise ValueError(
                f"images of type {images.dtype} and shape {list(images.shape)} are not allowed, "
                "they must be whole numbers [batch]"
            )
        set_(self, "images", np.ascontiguousarray(images, np.int64))

    def __len__(self) -> int:
        return len(self.images)

    @property
    def cell(self) -> str:
        """The old name of `point`, until version 0.3."""
        warn_old_attribute("Streams.cell", "Streams.point")
        return self.point

    @property
    def slot(self) -> int:
        """The old name of `transmission`, until version 0.3."""
        warn_old_attribute("Streams.slot", "Streams.transmission")
        return self.transmission

    def for_role(self, role: str) -> Streams:
        """Returns the streams of another purpose, independent of these.

        A second call with the same role goes on where the draws of the first call ended.
        """
        return replace(self, role=f"{self.role}/{role}")

    def rows(self, index: NDArray[np.int64], transmission: int) -> Streams:
        """Returns the streams of some of the images in another transmission, from draw 0 on."""
        return replace(self, images=self.images[index], transmission=transmission, _draws={})

    def again(self, index: NDArray[np.int64]) -> Streams:
        """Returns streams of some of the images that draw what these draw next.

        >>> streams = Streams(seed=0, point="", images=np.arange(2))
        >>> again, first = streams.again(np.array([1, 0])), streams.uniform(3)
        >>> bool((again.uniform(3) == first.flip(0)).all())
        True
        """
        return replace(self, images=self.images[index], _draws=dict(self._draws))

    def normal(self, *shape: int) -> Tensor:
        """Draws standard normal numbers, float32 [batch, *shape]."""
        drawn = philox.normal(self._next_key(), self.images, math.prod(shape), self.device)
        return drawn.view(len(self), *shape)

    def uniform(self, *shape: int) -> Tensor:
        """Draws uniform numbers in [0, 1), float32 [batch, *shape]."""
        drawn = philox.uniform(self._next_key(), self.images, math.prod(shape), self.device)
        return drawn.view(len(self), *shape)

    def complex_normal(self, *shape: int) -> Tensor:
        """Draws CN(0, 1) numbers, complex64 [batch, *shape]: variance 1/2 in each real part."""
        count = 2 * math.prod(shape)  # interleaved: a prefix of the uses is a prefix
        drawn = philox.normal(self._next_key(), self.images, count, self.device, variance=0.5)
        return torch.view_as_complex(drawn.view(len(self), *shape, 2))

    def each(self, draw: Callable[[np.random.Generator], np.ndarray]) -> Tensor:
        """Stacks `draw(generator)` over the rows: any distribution that numpy has.

        Slower than the other verbs, as it calls `draw` once for each row.

        Args:
            draw: Gets the numpy generator of one row, which is good until it returns; gives an
                array of the same shape for every row.

        Returns:
            [batch, *shape of the arrays].
        """
        # numpy's own Philox counts in 256 bits; the image takes the upper 64 of them.
        bits = np.random.Philox(key=self._next_key(), counter=0)
        generator, state = np.random.Generator(bits), bits.state
        out = []
        for image in self.images.view(np.uint64):
            state["state"]["counter"][3] = image
            bits.state = state  # a generator per row would take longer than a hundred numbers
            out.append(draw(generator))
        if not out:
            empty = draw(generator)
            return torch.from_numpy(np.empty((0, *empty.shape), empty.dtype)).to(self.device)
        return torch.from_numpy(np.stack(out)).to(self.device)

    def _next_key(self) -> int:
        """Returns the 64-bit key of the next draw of this role, and counts the draw.

        A cryptographic hash: two of a million draws share a key with probability 3e-8.
        """
        draw = self._draws.get(self.role, 0)
        self._draws[self.role] = draw + 1
        name = repr((self.seed, str(self.point), self.role, self.transmission, draw))
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def training_streams(generator: torch.Generator, batch: int, device: str = "cpu") -> Streams:
    """Returns streams for one call of a channel in training.

    They obey the law of the streams of an evaluation, because they are of the same class.

    Args:
        generator: Gives the seed of the streams; its state moves on by one number, so that the next
            call gives other streams, and the same state gives the same streams.
        batch: Rows.
        device: Where drawn tensors are made.
    """
    seed = torch.randint(2**63 - 1, (), generator=generator, device=generator.device)
    return Streams(int(seed), "training", np.arange(batch), device=device)


def _whole(name: str, value: object) -> int:
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if not 0 <= number < SEEDS:
        raise ValueError(
            f"{name} {value!r} is not allowed, it must be a whole number from 0 to 2^64 - 1"
        )
    return number
