"""BPSK, QPSK, 16-QAM and 64-QAM of TS 38.211 clause 5.1, and their soft demapping.

Each axis of a constellation has Gray-labeled amplitudes; bits alternate between the axes:

    b0 b2 b4 ... -> amplitude on the real axis          b1 b3 b5 ... -> on the imaginary axis

BPSK has the symbols +-(1 + j) / sqrt 2.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Complex, Float, Inexact
from torch import Tensor

#: Bits per symbol Q_m, by name.
BITS_PER_SYMBOL = {"bpsk": 1, "qpsk": 2, "16qam": 4, "64qam": 6}


@dataclass(frozen=True)
class Modulation:
    """A constellation with unit mean power.

    Attributes:
        name: "bpsk", "qpsk", "16qam" or "64qam".

    Raises:
        ValueError: When the name is unknown.
    """

    name: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name not in BITS_PER_SYMBOL:
            near = difflib.get_close_matches(str(self.name), BITS_PER_SYMBOL, 1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            raise ValueError(
                f"modulation {self.name!r} is not one of {', '.join(BITS_PER_SYMBOL)}{hint}"
            )

    @property
    def bits_per_symbol(self) -> int:
        """Modulation order Q_m.

        >>> Modulation("16qam").bits_per_symbol
        4
        """
        return BITS_PER_SYMBOL[self.name]

    def amplitudes(self) -> Float[Tensor, " points"]:
        """Returns the amplitudes of one axis in the order of their labels.

        Returns:
            [2 ** bits of the axis] float32.

        >>> (Modulation("16qam").amplitudes() * 10**0.5).round()
        tensor([ 1.,  3., -1., -3.])
        """
        return torch.tensor(_amplitudes(max(1, self.bits_per_symbol // 2)))

    def points(self) -> Complex[Tensor, " points"]:
        """Returns all symbols in the order of their labels b0 b1 ... as binary numbers.

        Returns:
            [2 ** Q_m] complex64.

        >>> Modulation("bpsk").points()
        tensor([ 0.7071+0.7071j, -0.7071-0.7071j])
        """
        labels = torch.arange(2**self.bits_per_symbol)
        powers = torch.arange(self.bits_per_symbol - 1, -1, -1)
        return self.map((labels[:, None] >> powers & 1).to(torch.uint8))[:, 0]

    def map(self, bits: Tensor) -> Complex[Tensor, "batch uses"]:
        """Maps bits to symbols.

        Args:
            bits: [batch, n] zeros and ones of an integer type or bool, n a multiple of Q_m.

        Returns:
            [batch, n / Q_m] complex64.

        Raises:
            ValueError: When the shape is not allowed.

        >>> Modulation("qpsk").map(torch.tensor([[0, 1]]))
        tensor([[0.7071-0.7071j]])
        """
        order = self.bits_per_symbol
        if bits.ndim != 2 or bits.shape[1] % order:
            raise ValueError(
                f"bits have shape {tuple(bits.shape)}, they must be [batch, n], "
                f"n a multiple of {order}"
            )
        amplitudes = self.amplitudes().to(bits.device)
        # Small integers are added, and each number is looked up once.
        labels = bits.reshape(len(bits), -1, order).to(torch.uint8)
        if order == 1:
            axis = amplitudes[labels[..., 0].int()]
            return torch.complex(axis, axis)
        real, imaginary = labels[..., 0], labels[..., 1]
        for i in range(2, order, 2):
            real, imaginary = 2 * real + labels[..., i], 2 * imaginary + labels[..., i + 1]
        return torch.complex(amplitudes[real.int()], amplitudes[imaginary.int()])

    def demap(
        self,
        y: Complex[Tensor, "batch uses"],
        h: Inexact[Tensor, "#batch #uses"],
        no: Tensor | float,
        max_log: bool = False,
    ) -> Float[Tensor, "batch bits"]:
        """Computes LLRs by coherent soft demapping.

        Args:
            y: [batch, uses] complex channel output h x + n.
            h: Complex or real gain of a shape that broadcasts to that of y.
            no: Variance of the complex noise, > 0: a number, or a tensor with as many axes as y
                that broadcasts to y.
            max_log: Whether to keep only the nearest point of each hypothesis (max-log
                approximation) instead of the exact sum.

        Returns:
            [batch, uses Q_m] float32 LLRs ln p(0) / p(1).

        Raises:
            ValueError: When `no` is not positive or has another number of axes than y.

        >>> y = torch.tensor([[1 + 0j]])
        >>> Modulation("bpsk").demap(y, torch.ones_like(y), 2.0)  # 2 sqrt(2) Re(y) / no
        tensor([[1.4142]])
        """
        no = torch.as_tensor(no, dtype=torch.float32, device=y.device)
        if no.ndim not in (0, y.ndim):
            raise ValueError(
                f"no has shape {tuple(no.shape)}, it must be a number or have {y.ndim} axes, as y"
            )
        if not bool((no > 0).all()):
            raise ValueError(f"no = {float(no.min())} is not allowed, it must be > 0")
        # There is no division by h: a use in a deep fade has LLRs near zero, not infinities.
        real, imaginary, gain = _matched_filter(y, h)
        matched = torch.stack([real, imaginary], -1) * (2.0 / no)[..., None]
        gain = gain / no
        if self.name == "bpsk":
            # 2 (d0 - d1) = 4 Re(y h* s0*) / no, with s0 = (1 + j) / sqrt 2.
            return matched.sum(dim=-1) * math.sqrt(2.0)
        axis_bits = _axis_llrs(matched, gain[..., None], self.amplitudes(), max_log)
        return torch.stack(axis_bits, dim=-2).flatten(start_dim=-3)


@lru_cache(maxsize=4)
def _amplitudes(bits: int) -> tuple[float, ...]:
    """Returns the amplitudes of an axis with this number of bits, see `Modulation.amplitudes`."""
    points = torch.tensor([1.0])
    # Each further label bit mirrors the inner points, (1-2b)[2-(1-2b')] in TS 38.211.
    for level in range(bits - 1):
        points = torch.cat([2.0 ** (level + 1) - points, 2.0 ** (level + 1) + points])
    points = torch.cat([points, -points])
    return tuple((points / math.sqrt(2.0 * float((points**2).mean()))).tolist())


def _matched_filter(y: Tensor, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns both parts of y h*, and |h|^2, rounded alike wherever a use is in the array."""
    if not h.is_complex():
        return y.real * h, y.imag * h, h.square()
    real = y.real * h.real + y.imag * h.imag
    return real, y.imag * h.real - y.real * h.imag, h.real.square() + h.imag.square()


def _log_sum(a: Tensor, b: Tensor) -> Tensor:
    """Returns ln(exp a + exp b).

    `torch.logaddexp` rounds differently at the end of an array than inside, so that an LLR would
    depend on the number of images in its batch.

    >>> _log_sum(torch.zeros(1), torch.zeros(1))
    tensor([0.6931])
    """
    apart = (a - b).abs_().neg_().exp_().log1p_()  # in place: an allocation takes as long
    return torch.maximum(a, b).add_(apart)


def _axis_llrs(matched: Tensor, gain: Tensor, amplitudes: Tensor, max_log: bool) -> list[Tensor]:
    """Returns the LLRs of each label bit of an axis, a list of [batch, uses, 2], first bit first.

    ln p(y | a) = matched a - gain a^2 + a constant.
    """
    if len(amplitudes) == 2:
        return [2.0 * matched * float(amplitudes[0])]
    # The second half of the amplitudes are the first with the other sign. In place: see `_log_sum`.
    positive, negative = [], []
    for a in amplitudes.tolist()[: len(amplitudes) // 2]:
        linear, square = matched * a, (gain * a).mul_(a)
        positive.append(linear - square)
        negative.append(linear.add_(square).neg_())
    metrics = positive + negative
    merge = torch.maximum if max_log else _log_sum
    llrs = []
    bits = len(metrics).bit_length() - 1
    for bit in range(bits):
        sums: list[Tensor | None] = [None, None]
        for label, metric in enumerate(metrics):
            value = label >> (bits - 1 - bit) & 1
            known = sums[value]
            sums[value] = metric if known is None else merge(known, metric)
        zero, one = sums
        assert zero is not None
        assert one is not None
        llrs.append(zero - one)
    return llrs
