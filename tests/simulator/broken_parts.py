"""Channels with one mistake each, and one without: what a checker is for."""

import math
import random
import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from scipy.special import gammainc
from torch import Tensor

from phy.channel import Channel, Received, multiply
from phy.streams import Streams

Drawn = tuple[Tensor, Any]


class Good(Channel):
    """Rayleigh fading, fast."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return streams.complex_normal(uses), None


class ThreeAxes(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return streams.complex_normal(uses, 1), None


class Double(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return streams.complex_normal(uses).to(torch.complex128), None


class NoState(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Any:
        return streams.complex_normal(uses)


class NotANumber(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return streams.normal(uses).sqrt().to(torch.complex64), None


class Misprint(Channel):
    """Rician with the mean that SMSC-FIR prints."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return math.sqrt(2) / 3 + streams.complex_normal(uses) * math.sqrt(1 / 3), None


class GlobalRandom(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return torch.randn(len(streams), uses, dtype=torch.complex64), None


class HiddenMemory(Channel):
    def __init__(self) -> None:
        self.last: Tensor | None = None

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        h = streams.complex_normal(1)
        if self.last is not None and len(self.last) == len(h):
            h = math.sqrt(0.5) * (h + self.last)
        self.last = h
        return h, None


class FirstRowForAll(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return streams.complex_normal(uses)[:1].expand(len(streams), uses).clone(), None


class SharedByAll(Channel):
    """One gain for all images of a batch: no batch size can show it."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        seed = getattr(streams, "seed", 0)
        re, im = np.random.default_rng(seed).standard_normal(2) * math.sqrt(0.5)
        return torch.full((len(streams), 1), complex(re, im), dtype=torch.complex64), None


class PlaceInBatch(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        turn = torch.arange(len(streams), dtype=torch.float32)[:, None]
        return streams.complex_normal(uses) * torch.polar(torch.ones_like(turn), turn), None


class NoPrefix(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        parts = streams.normal(2, uses) * math.sqrt(0.5)
        return torch.complex(parts[:, 0], parts[:, 1]), None


class InPlaceState(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        state = torch.zeros(len(streams), 1) if state is None else state
        state += 1
        turn = torch.polar(torch.ones_like(state), state)
        return streams.complex_normal(uses) * turn, state


class UntakeableState(Channel):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return streams.complex_normal(uses), {"slot": 1}


class TwoLaws(Channel):
    """Rician in evaluation, Rayleigh in training."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        h = streams.complex_normal(uses)
        return h if streams.point == "training" else 0.8 + 0.6 * h, None


class OneDrawThrice(Channel):
    """Says that it is Nakagami-3, and adds the same number three times."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        g = streams.complex_normal(uses).abs().square()
        power = sum(g for _ in range(3)) / 3
        return torch.complex(power.sqrt(), torch.zeros_like(power)), None

    def gain_cdf(self, power: Any) -> Any:
        return gammainc(3, 3 * power)


class ThreeDraws(OneDrawThrice):
    """Nakagami-3 as it must be."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        power = sum(streams.complex_normal(uses).abs().square() for _ in range(3)) / 3
        return torch.complex(power.sqrt(), torch.zeros_like(power)), None


class WeakerLater(Channel):
    """Half the power from the third transmission on."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        sent = torch.zeros(len(streams), 1) if state is None else state
        return streams.complex_normal(uses) * torch.where(sent >= 2, 0.5**0.5, 1.0), sent + 1


class WeakerAtTheEnd(Channel):
    """Half the power from the 1000th use of a burst on."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        weights = torch.where(torch.arange(uses) >= 1000, 0.5**0.5, 1.0)
        return streams.complex_normal(uses) * weights, None


class StreamsOfItsOwn(Channel):
    """Makes its streams anew, so that draws and transmissions repeat."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        own = Streams(streams.seed, streams.point, streams.images, role="fading")
        return own.complex_normal(uses), None


class FadingAsNoise(Channel):
    """Noise that is the fading again, turned."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        h = streams.complex_normal(uses)
        return h, None

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        y = multiply(h, x) + torch.complex(-h.imag, h.real) * no**0.5
        return Received(y, h.expand_as(x), torch.full((1, 1), no))


class FixedSeed(Good):
    """Fading of a generator with a seed of its own: the same in every run."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        drawn = [np.random.default_rng(image).standard_normal((64, 2)) for image in streams.images]
        pairs = torch.from_numpy(np.array(drawn, np.float32).reshape(-1, 64, 2))[:, :uses]
        return torch.view_as_complex(pairs.contiguous()) * math.sqrt(0.5), None


class Clock(Good):
    """Fading of a generator that the clock seeds, in whole hours: no repetition shows it."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        rng = np.random.default_rng(int(time.time()) // 3600)
        pairs = torch.from_numpy(rng.standard_normal((len(streams), 64, 2)).astype(np.float32))
        return torch.view_as_complex(pairs[:, :uses].contiguous()) * math.sqrt(0.5), None


class SystemNoise(Good):
    """Noise of the operating system's generator."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        rng = np.random.default_rng()
        pairs = torch.from_numpy(rng.standard_normal((*x.shape, 2)).astype(np.float32))
        y = multiply(h, x) + torch.complex(pairs[..., 0], pairs[..., 1]) * math.sqrt(no / 2)
        return Received(y, h.expand_as(x), torch.full((1, 1), no))


class PythonsRandom(Good):
    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        turn = complex(math.cos(a := random.random()), math.sin(a))
        return streams.complex_normal(uses) * turn, None


class FewImages(Good):
    """Images 256 apart have the same fading."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        own = replace(streams, images=streams.images % 256)
        return own.complex_normal(uses), None


class NoiseOfTheFirst(Good):
    """Neighbors share their noise."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        return super().apply(x, h, no, replace(streams, images=streams.images // 2))


class OneNoise(Good):
    """A noise sample for every other channel use."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        noise = streams.complex_normal((x.shape[1] + 1) // 2).repeat_interleave(2, 1)
        y = multiply(h, x) + noise[:, : x.shape[1]] * no**0.5
        return Received(y, h.expand_as(x), torch.full((1, 1), no))


class NoiseOfTheSeed(Good):
    """Noise that does not depend on the transmission."""

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        return super().apply(x, h, no, streams.rows(np.arange(len(streams)), 0))


class HalfTheNoise(Good):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        return super().apply(x, h, no / 2, streams)


class SquaredNoise(Good):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        return super().apply(x, h, no**2, streams)._replace(no=torch.full((1, 1), no))


class WrongGainTold(Good):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        received = super().apply(x, h, no, streams)
        return received._replace(h=received.h * 0.8)


class SpoiledInput(Good):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        with torch.no_grad():
            x *= 0.5
        return super().apply(x, h, no, streams)


class NoVariance(Good):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        received = super().apply(x, h, no, streams)
        return received._replace(no=torch.zeros(1, 1))


class SameNoise(Channel):
    """Noise from a generator of its own, seeded once and for all."""

    def draw(self, streams: Any, uses: int, state: Any) -> Drawn:
        return torch.ones(len(streams), 1, dtype=torch.complex64), None

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Any) -> Received:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(x.shape[1], 2, generator=generator).view(-1, 2) * math.sqrt(no / 2)
        y = h * x + torch.complex(noise[:, 0], noise[:, 1])
        return Received(y, h.expand_as(x), torch.full((1, 1), no))
