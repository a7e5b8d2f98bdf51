"""`phy.kernels.philox` in tensor operations, for any device; and the numbers that define the generator.

The compiled loops of `phy.kernels.philox_kernel` do the same arithmetic, one operation after the other.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: Multipliers of a round, and what is added to the two words of the key after each.
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
MASK = 0xFFFFFFFF
#: Minimax polynomials, lowest power first, all coefficients exact in float32:
#: ln(1 + f) / f for |f| <= 1/3, relative error 4e-9;
LOG = (
    *(1.0, -0.5, 0.3333315849304199, -0.24999655783176422, 0.20012427866458893),
    *(-0.16684040427207947, 0.1398068517446518, -0.12148258835077286, 0.14087435603141785),
    -0.13019610941410065,
)
#: sin(pi t / 2) / t and cos(pi t / 2) in powers of t^2 for |t| <= 1/2, 3e-9 and 6e-11.
SIN = (1.5707963705062866, -0.6459634900093079, 0.07968003302812576, -0.00460165785625577)
COS = (
    *(1.0, -1.2337005138397217, 0.2536691725254059, -0.020859936252236366),
    0.0009033629903569818,
)
LN_2 = 0.6931471824645996


def uniform(key: int, images: NDArray[np.int64], count: int, device: str) -> Tensor:
    """Returns what `phy.kernels.philox.uniform` does, made on a device."""
    return _rows((_blocks(key, images, count, device) >> 8).to(torch.float32) * 2.0**-24, count)


def normal(key: int, images: NDArray[np.int64], count: int, device: str, variance: float) -> Tensor:
    """Returns what `phy.kernels.philox.normal` does, made on a device."""
    first, second = _blocks(key, images, count, device).unflatten(0, (2, 2)).unbind(1)
    squared = _minus_log(first) * (2 * variance)
    # torch's square root of float32 may be one unit off; that of float64, rounded, is right.
    radius = squared.double().sqrt().to(torch.float32)
    cos, sin = _cos_sin(second)
    return _rows(torch.stack([radius * cos, radius * sin], 1).flatten(0, 1), count)


def words(counter: Tensor, key: int) -> Tensor:
    """Encrypts counters: the generator itself, in tensor operations.

    Args:
        counter: [4, n] int64, words from 0 to 2^32 - 1.
        key: 64 bits, the first word lowest.

    Returns:
        [4, n] int64, words from 0 to 2^32 - 1.

    >>> [f"{word:08x}" for word in words(torch.zeros(4, 1, dtype=torch.int64), 0)[:, 0].tolist()]
    ['6627e8d5', 'e169c58d', 'bc57ac4c', '9b00dbd8']
    """
    keys = [key & MASK, key >> 32]
    even, odd = counter[0::2], counter[1::2]
    for _ in range(ROUNDS):
        # Modulo 2^64: the 64 bits are right, whatever their sign. No tensor of the multipliers,
        # whose copy to the device would wait for it.
        product = torch.stack([word * m for word, m in zip(even, MULTIPLIERS, strict=True)])
        high = (product >> 32) & MASK
        mixed = torch.stack([high[1] ^ odd[0] ^ keys[0], high[0] ^ odd[1] ^ keys[1]])
        even, odd = mixed, (product & MASK).flip(0)
        keys = [(k + step) & MASK for k, step in zip(keys, KEY_STEPS, strict=True)]
    return torch.stack([even, odd], 1).flatten(0, 1)


def _blocks(key: int, images: NDArray[np.int64], count: int, device: str) -> Tensor:
    """[4, batch, blocks] words of all blocks that hold some of the numbers."""
    image = torch.from_numpy(images).to(device, non_blocking=True)[:, None]
    block = torch.arange(-(-count // 4), device=device)[None, :]
    shape = (len(images), block.shape[1])
    parts = (block, torch.zeros_like(block), image & MASK, (image >> 32) & MASK)
    counter = torch.stack([part.expand(shape) for part in parts]).flatten(1)
    return words(counter, key).view(4, *shape)


def _rows(numbers: Tensor, count: int) -> Tensor:
    """[4, batch, blocks] -> [batch, count]."""
    return numbers.permute(1, 2, 0).flatten(1)[:, :count].contiguous()


def _minus_log(word: Tensor) -> Tensor:
    """-ln(u) of u = (word | 1) / 2^32, float32 and accurate for u near 0 as well as near 1.

    word = 2^k (1 + f) with |f| <= 1/3, where f comes from an exact difference of integers.
    """
    odd = word | 1
    k = ((odd.to(torch.float32) * 1.5).view(torch.int32) >> 23) - 127
    f = (odd - (torch.ones_like(odd) << k)).to(torch.float32)
    f = f * ((127 - k) << 23).view(torch.float32)
    return (32 - k).to(torch.float32) * LN_2 - _polynomial(LOG, f) * f


def _cos_sin(word: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin of 2 pi (word + 1/2) / 2^32: the nearest quarter turn, and what is left of it."""
    quarter = ((word + 2**29) >> 30) & 3
    rest = (word - (quarter << 30) + 2**31) & MASK  # modulo 2^32, as signed numbers do
    t = ((rest - 2**31).to(torch.float32) + 0.5) * 2.0**-30
    square = t * t
    sin, cos = _polynomial(SIN, square) * t, _polynomial(COS, square)
    swap = (quarter & 1) == 1
    x, y = torch.where(swap, sin, cos), torch.where(swap, cos, sin)
    return torch.where(((quarter + 1) & 2) == 2, -x, x), torch.where((quarter & 2) == 2, -y, y)


def _polynomial(coefficients: tuple[float, ...], x: Tensor) -> Tensor:
    """Horner's rule with a rounding after every operation."""
    value = torch.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * x + coefficient
    return value
