"""The contract of a channel: `draw` returns the fading of a burst, `apply` sends the burst.

A channel of one's own is a class with `draw`; `apply` has a default. Semantic and coded schemes
send through the same channel object.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy.typing import NDArray
from torch import Tensor

from phy.old_paths import warn_old_attribute
from phy.streams import Streams

#: Role of the noise of `Channel.apply`; no role that a channel draws its fading from has this name.
NOISE_ROLE = "noise of apply"


class Received(NamedTuple):
    """The receiver's view of one burst: y is about h x + n.

    Attributes:
        y: [batch, uses] complex channel output.
        h: [batch, uses] complex gain as the receiver knows it (CSIR).
        no: [batch, uses], [batch, 1] or [1, 1], variance of the complex noise on y as the receiver
            knows it.
    """

    y: Complex[Tensor, "batch uses"]
    h: Complex[Tensor, "batch uses"]
    no: Float[Tensor, "#batch #uses"]


@dataclass(frozen=True, eq=False)
class Fading:
    """The fading of a burst that is sent with pilots.

    A channel without pilots returns the tensor h alone; `gains` reads h from either.

    Attributes:
        h: [batch, uses] complex gains of the burst.
        pilots: [batch, pilots] complex gains of the pilots.
    """

    h: Complex[Tensor, "batch uses"]
    pilots: Complex[Tensor, "batch pilots"]


class Channel(ABC):
    """A channel y = h x + n with E|h|^2 = 1 and n ~ CN(0, no).

    A subclass is final. It defines `draw`, and `apply` where y is not this product.
    """

    #: E|h|^2; only receive arrays depart from 1.
    average_gain: float = 1.0
    #: Paths of the files that the channel reads: a changed file recomputes the points of a run.
    files: Sequence[str | Path] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "scaled" in vars(cls):  # until version 0.3: without a word, pilots would not be scaled
            raise AttributeError(
                f"{cls.__name__}.scaled is not called any more; instead: `draw` returns "
                "phy.channel.Fading(h, pilots), which phy.channel.scale_fading scales"
            )

    @abstractmethod
    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor | Fading, Any]:
        """Draws the fading of one burst.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: State that the previous transmission of the same images returned: a tensor with
                leading axis "batch" or a (named) tuple of such tensors. None in the first
                transmission and for channels without memory.

        Returns:
            The fading and the state for the next transmission. The fading is h, complex64
            [batch, uses], or [batch, 1] for one gain per burst. A channel with pilots returns
            `Fading(h, pilots)` in its place.
        """

    def apply(
        self, x: Complex[Tensor, "batch uses"], h: Any, no: float, streams: Streams
    ) -> Received:
        """Sends one burst.

        Args:
            x: [batch, uses] complex channel input.
            h: Fading from `draw`. The default takes a tensor; a channel whose `draw` returns
                `Fading` defines its own `apply`.
            no: Variance of the complex noise.
            streams: Random numbers for the noise.

        Returns:
            Channel output, CSIR and noise variance.
        """
        # A role of its own: h may have been drawn from equal streams.
        noise = streams.for_role(NOISE_ROLE).complex_normal(x.shape[1])
        y = multiply(h, x) + no**0.5 * noise
        return Received(y, h.expand_as(x), x.real.new_full((1, 1), no))

    def gain_cdf(self, power: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Returns P(|h|^2 <= power) of a channel use, or None where no law is declared.

        Optional: a run does not use it, `simulate check` compares the drawn gains to it.

        Args:
            power: [n] values of |h|^2 >= 0.
        """
        return None

    def pilot_uses(self, uses: int) -> int:
        """Returns how many channel uses the pilots of a burst of `uses` > 0 take, 0 for none."""
        return 0

    def scaled(self, h: Tensor | Fading, gain: Float[Tensor, "batch 1"]) -> Tensor | Fading:
        """The method before `scale_fading`, until version 0.3."""
        warn_old_attribute("Channel.scaled", "the function phy.channel.scale_fading")
        return scale_fading(h, gain)


def gains(fading: Tensor | Fading) -> Tensor:
    """Returns h of a fading, with or without pilots.

    The shape is not checked here: `simulate check` names a wrong one.

    >>> h = torch.ones(1, 2, dtype=torch.complex64)
    >>> bool((gains(Fading(h, h[:, :1])) == gains(h)).all())
    True
    """
    return fading.h if isinstance(fading, Fading) else fading


def scale_fading(fading: Tensor | Fading, gain: Float[Tensor, "batch 1"]) -> Tensor | Fading:
    """Multiplies a fading by one real gain per image, its pilots included.

    Args:
        fading: Fading from `Channel.draw`.
        gain: [batch, 1] real amplitude gains.

    Returns:
        The scaled fading, of the same type.

    >>> h = torch.ones(1, 2, dtype=torch.complex64)
    >>> scale_fading(Fading(h, h[:, :1]), torch.tensor([[2.0]])).pilots
    tensor([[2.+0.j]])
    """
    if isinstance(fading, Fading):
        return Fading(scale(fading.h, gain), scale(fading.pilots, gain))
    return scale(fading, gain)


def multiply(a: Complex[Tensor, "*#axes"], b: Complex[Tensor, "*#axes"]) -> Tensor:
    """Multiplies two complex tensors by real products.

    The complex product of torch rounds differently at the end of an array than inside, so that a
    symbol would depend on the number of images in its batch.

    Args:
        a: Complex factor.
        b: Complex factor of a shape that broadcasts with that of `a`.

    Returns:
        a b, complex.

    >>> multiply(torch.tensor([1 + 2j]), torch.tensor([3 - 1j]))
    tensor([5.+5.j])
    """
    real = a.real * b.real - a.imag * b.imag
    return torch.complex(real, a.real * b.imag + a.imag * b.real)


def scale(h: Complex[Tensor, "*#axes"], gain: Float[Tensor, "*#axes"]) -> Tensor:
    """Multiplies a complex tensor by a real one, with the roundings of two real products.

    Args:
        h: Complex factor.
        gain: Real factor of a shape that broadcasts with that of `h`.

    Returns:
        gain h, complex; see `multiply` for the reason.

    >>> scale(torch.tensor([1 + 2j]), torch.tensor([2.0]))
    tensor([2.+4.j])
    """
    return torch.complex(h.real * gain, h.imag * gain)
