"""Philox4x32-10: random numbers as a function of a key and a counter, with no state in between.

```
(block, 0, image low, image high) --10 rounds under the key--> 4 words --> 4 uniform numbers
                                                                       or 2 pairs of normal ones
```

The generator encrypts a counter of four 32-bit words; consecutive counters give independent words.
So the numbers of all images are made at once, and each can be made alone. Number `i` of an image
comes from block `i // 4`: a shorter draw is a prefix of a longer one.

Two implementations do the same arithmetic and give the same numbers, bit for bit: a compiled loop
for the CPU (`phy.kernels.philox_kernel`), and tensor operations for any other device
(`phy.kernels.philox_tensors`). On a CPU the loop is 15 to 30 times as fast. Both use additions,
multiplications and square roots alone, each of which IEEE 754 rounds in one way only. The
logarithm, sine and cosine are polynomials, because those of libraries differ between machines, and
those of torch round differently at the end of an array than inside it.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
Box and Muller, "A note on the generation of random normal deviates", Ann. Math. Stat. 29(2), 1958.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.kernels import philox_tensors
from phy.kernels.philox_kernel import fill_normal, fill_uniform

#: Most numbers of one draw of an image: 2^32 blocks of four.
MOST = 4 * 2**32


def uniform(key: int, images: NDArray[np.int64], count: int, device: str = "cpu") -> Tensor:
    """Returns uniform numbers in [0, 1), multiples of 2^-24: float32 [batch, count].

    Args:
        key: 64-bit key of the draw.
        images: [batch], names each row.
        count: Numbers for each image.
        device: Where to make them; the numbers are the same everywhere.

    Raises:
        ValueError: When count is negative or above 2^34.
    """
    _check(count)
    if torch.device(device).type != "cpu":
        return philox_tensors.uniform(key, images, count, device)
    return _compiled(fill_uniform, key, images, count)


def normal(
    key: int, images: NDArray[np.int64], count: int, device: str = "cpu", variance: float = 1.0
) -> Tensor:
    """Returns normal numbers of mean 0 by Box and Muller's transform: float32 [batch, count].

    ```
    sqrt(-2 variance ln u) (cos 2 pi v, sin 2 pi v),  u, v uniform in (0, 1)
    ```

    u is one of 2^31 equally likely values, v of 2^32: no number is 0, and the largest is 6.66
    standard deviations.

    Args:
        key: 64-bit key of the draw.
        images: [batch], names each row.
        count: Numbers for each image.
        device: Where to make them.
        variance: Of each number.

    Raises:
        ValueError: When count is negative or above 2^34.
    """
    _check(count)
    if torch.device(device).type != "cpu":
        return philox_tensors.normal(key, images, count, device, variance)
    return _compiled(fill_normal, key, images, count, np.float32(2 * variance))


def _check(count: int) -> None:
    if not 0 <= count <= MOST:
        raise ValueError(f"{count} numbers for an image are not allowed, it must be 0 to 2^34")


def _compiled(
    fill: Callable[..., None], key: int, images: NDArray[np.int64], count: int, *more: object
) -> Tensor:
    out = np.empty((len(images), count), np.float32)
    fill(np.uint64(key), images.view(np.uint64), out, *more)
    return torch.from_numpy(out)
