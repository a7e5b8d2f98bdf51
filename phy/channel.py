"""The contract of a channel: draw the fading, apply it; nothing about schemes.

A channel of one's own is a class with `draw`; `apply` has a default. Both simulated worlds,
semantic and coded, send through the very same object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor

from phy.streams import Streams


class Received(NamedTuple):
    """What the receiver gets out of one slot.

    Attributes:
        y: [batch, uses] complex channel output.
        h: [batch, uses] complex gain that the receiver believes in (CSIR), so that y ~ h x + n.
        no: [batch, uses] variance of the complex noise on y, or a scalar [1, 1].
    """

    y: Tensor
    h: Tensor
    no: Tensor


class Channel(ABC):
    """A channel y = h x + n with E|h|^2 = 1 and n ~ CN(0, no).

    Subclasses are final: give `draw`, and `apply` where the law is not this product.
    """

    #: E|h|^2; only receive arrays depart from 1.
    average_gain: float = 1.0

    @abstractmethod
    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """Draws the fading of one slot.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses to cover.
            state: What the last slot of the same images left behind: a tensor with leading axis
                "batch" or a (named) tuple of such; None in the first slot and for channels
                without memory.

        Returns:
            (h [batch, uses] or [batch, 1] complex64, state for the next slot).
        """

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        """Sends one slot.

        Args:
            x: [batch, uses] complex channel input.
            h: What `draw` gave.
            no: Variance of the complex noise.
            streams: Random numbers for the noise.

        Returns:
            Output, CSIR and noise variance, all with x's axes.
        """
        noise = streams.complex_normal(x.shape[1])
        y = multiply(h, x) + no**0.5 * noise
        return Received(y, h.expand_as(x), x.real.new_full((1, 1), no))

    def scaled(self, h: Tensor, gain: Tensor) -> Tensor:
        """What `draw` gave times a real gain [batch, 1]: for channels that go over this one.

        A channel whose `draw` gives more than h (pilots) scales that too.
        """
        return scale(h, gain)

    def pilot_uses(self, uses: int) -> int:
        """Channel uses spent on pilots beside a burst of `uses` > 0: counted, never drawn."""
        return 0


def multiply(a: Tensor, b: Tensor) -> Tensor:
    """a b of complex tensors, in real products.

    torch's own product rounds differently at the end of an array than inside, so that a symbol
    would depend on how many images are in its batch.

    >>> multiply(torch.tensor([1 + 2j]), torch.tensor([3 - 1j]))
    tensor([5.+5.j])
    """
    real = a.real * b.real - a.imag * b.imag
    return torch.complex(real, a.real * b.imag + a.imag * b.real)


def scale(h: Tensor, gain: Tensor) -> Tensor:
    """h times a real gain, with the roundings of two real products (see `multiply`).

    >>> scale(torch.tensor([1 + 2j]), torch.tensor([2.0]))
    tensor([2.+4.j])
    """
    return torch.complex(h.real * gain, h.imag * gain)
