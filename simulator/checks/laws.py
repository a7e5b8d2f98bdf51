"""Whether a channel's random numbers obey one law, and whether no number serves twice.

The laws of evaluation and training are compared, both to the law that the channel declares. Draws
that must be independent are correlated: of one role, of transmissions, of seeds, of steps of
training, of images, and the fading with the noise. So a channel is found out that takes numbers
from elsewhere than its streams, or the same ones twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstwo, rankdata
from scipy.stats import t as student
from torch import Tensor

from phy.channel import Channel, gains
from phy.streams import Streams, training_streams
from simulator.checks.report import SIGNIFICANCE, Finding, GlobalGenerators, holds
from simulator.checks.sounding import NO, sounding_streams

Reals = NDArray[np.float64]
Complexes = NDArray[np.complex128]
#: Independent images of a sample, and the uses of each.
ROWS, USES = 1024, 8
#: Below this variance gains are the same everywhere, but for rounding.
CONSTANT = 1e-10
#: Relative distance at which a declared distribution is looked at on both sides of a value: so
#: rounding does not matter where it jumps.
ROUNDING = 1e-5
#: Share of images that may have the gains of another image by chance.
EQUAL = 0.01


class Sounding:
    """Gains and noise of a channel from any streams, as numpy arrays [ROWS, USES].

    Args:
        channel: The channel.
    """

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._h, _ = channel.draw(_run().for_role("fading"), USES, None)

    def gains(self, streams: Streams) -> Complexes:
        """Returns the gains of a first transmission."""
        return self._draw(streams)[1]

    def noise(self, streams: Streams) -> Complexes:
        """Returns the output where nothing is sent, after gains that other streams gave."""
        return self._apply(streams, self._h)

    def gains_and_noise(self, fading: Streams, noise: Streams) -> tuple[Complexes, Complexes]:
        """Returns the gains of a transmission, and then its noise."""
        h, drawn = self._draw(fading)
        return drawn, self._apply(noise, h)

    def _draw(self, streams: Streams) -> tuple[Any, Complexes]:
        h, _ = self.channel.draw(streams, USES, None)
        return h, gains(h).expand(ROWS, USES).numpy().astype(np.complex128)

    def _apply(self, streams: Streams, h: Any) -> Complexes:
        silence = torch.zeros(ROWS, USES, dtype=torch.complex64)
        y: Tensor = self.channel.apply(silence, h, NO, streams).y
        noise: Complexes = y.numpy().astype(np.complex128)
        return noise


def one_law(channel: Channel) -> Iterator[Finding]:
    """Fading and noise have the same distributions and moments in evaluation and in training.

    The fading's is also the one that the channel declares, if it does.
    """
    sounding, run, training = Sounding(channel), _run(), _training()
    samples = {
        "gains h": [sounding.gains(streams.for_role("fading")) for streams in (run, training)],
        "noise": [sounding.noise(streams.for_role("noise")) for streams in (run, training)],
    }
    for what, (here, there) in samples.items():
        yield _same_law(f"law of the {what}", _views(here), _views(there))
        yield _same_moments(f"moments of the {what}", _views(here), _views(there))
    if channel.gain_cdf(np.ones(1)) is None:
        return
    chances = {}
    for where, drawn in zip(("evaluation", "training"), samples["gains h"], strict=True):
        for place in (0, USES - 1):
            power = np.abs(drawn[:, place]) ** 2
            chances[f"use {place} in {where}"] = _one_sample(power, channel.gain_cdf)
    yield _least_likely("declared distribution of |h|^2", "that of the gains drawn", chances)


def independence(channel: Channel) -> Iterator[Finding]:
    """No two draws, no two images, and no fading and noise have numbers in common."""
    generators, sounding = GlobalGenerators(), Sounding(channel)
    for what, draw in (("gains", sounding.gains), ("noise", sounding.noise)):
        pairs = {name: (draw(a), draw(b)) for name, a, b in _pairs(what)}
        yield _uncorrelated(f"{what} of two draws", pairs)
        first = next(iter(pairs.values()))[0]
        yield _apart(f"{what} of different images", first, continuous=what == "noise")
    neighbors = {"neighbors": (first[0::2], first[1::2]), "uses": (first[:, 0::2], first[:, 1::2])}
    yield _uncorrelated("noise of images and of uses", neighbors)
    yield _uncorrelated("fading and noise", dict(_fading_and_noise(sounding)))
    once, again = (sounding.gains_and_noise(s, s) for s in (_training(3), _training(3)))
    yield holds(
        "the same state of the training's generator",
        "h and y equal bit for bit",
        None if np.array_equal(once, again) else "other numbers: they come from elsewhere as well",
        "equal",
    )
    moved = generators.finding()
    yield Finding(f"{moved.what} over many draws", moved.expected, moved.found, moved.ok)


def _run(seed: int = 0, transmission: int = 0) -> Streams:
    return sounding_streams(np.arange(ROWS), seed).rows(np.arange(ROWS), transmission)


def _training(seed: int = 0) -> Streams:
    return training_streams(torch.Generator().manual_seed(seed), ROWS)


def _pairs(role: str) -> Iterator[tuple[str, Streams, Streams]]:
    """Streams of which a second draw must have nothing to do with the first."""
    one = _run().for_role(role)
    yield "two draws of one role", one, one
    yield "two transmissions", _run().for_role(role), _run(transmission=1).for_role(role)
    yield "two seeds", _run().for_role(role), _run(seed=1).for_role(role)
    generator = torch.Generator().manual_seed(0)
    step = training_streams(generator, ROWS).for_role(role)
    yield "two draws in training", step, step
    yield "two steps of training", step, training_streams(generator, ROWS).for_role(role)


def _fading_and_noise(sounding: Sounding) -> Iterator[tuple[str, tuple[Complexes, Complexes]]]:
    """Gains, and the noise that meets them, in the roles of a run and without roles."""
    for name, streams in (("a run", _run()), ("training", _training())):
        roles = streams.for_role("fading"), streams.for_role("noise")
        yield f"roles of {name}", sounding.gains_and_noise(*roles)
    one, other = _run(), _run()
    yield "the same streams for draw and apply", sounding.gains_and_noise(one, one)
    noise = sounding.noise(other)
    yield "the same streams for apply and draw", (sounding.gains(other), noise)


def _views(values: Complexes) -> dict[str, Reals]:
    """Real numbers whose laws are looked at, of the first and of the last use."""
    views = {}
    for place in (0, values.shape[1] - 1):
        column = values[:, place]
        views[f"real part, use {place}"] = column.real
        views[f"imaginary part, use {place}"] = column.imag
        views[f"power, use {place}"] = np.abs(column) ** 2
    return views


def _same_law(what: str, here: Mapping[str, Reals], there: Mapping[str, Reals]) -> Finding:
    chances = {
        name: float(ks_2samp(here[name], there[name], method="asymp").pvalue) for name in here
    }
    return _least_likely(what, "the same in evaluation and in training", chances)


def _same_moments(what: str, here: Mapping[str, Reals], there: Mapping[str, Reals]) -> Finding:
    """Welch's test of means and of mean squares."""
    chances = {}
    for name in here:
        for power in (1, 2):
            a, b = here[name] ** power, there[name] ** power
            error = math.sqrt(a.var() / len(a) + b.var() / len(b)) + ROUNDING * np.abs(a).mean()
            away = abs(a.mean() - b.mean()) / error if error else 0.0
            chances[f"{name}, moment {power}"] = 2 * float(student.sf(away, 2 * len(a) - 2))
    return _least_likely(what, "the same in evaluation and in training", chances)


def _one_sample(values: Reals, cdf: Callable[[Reals], Reals | None]) -> float:
    """Chance of a distance as large as Kolmogorov and Smirnov's, for laws that jump as well."""
    values, n = np.sort(values), len(values)
    above, below = (np.asarray(cdf(values * near)) for near in (1 + ROUNDING, 1 - ROUNDING))
    rank = np.arange(1, n + 1)
    distance = max((rank / n - above).max(), (below - (rank - 1) / n).max(), 0.0)
    return float(kstwo.sf(distance, n))


def _least_likely(what: str, expected: str, chances: Mapping[str, float]) -> Finding:
    """All of several tests together, by Bonferroni's rule."""
    limit = SIGNIFICANCE / len(chances)
    name = min(chances, key=lambda key: chances[key] if chances[key] >= 0 else -1.0)  # NaN: first
    return Finding(
        what,
        f"{expected}: chance of such a difference at least {limit:.0e}",
        f"{chances[name]:.2g} ({name})",
        bool(chances[name] >= limit),
    )


def _uncorrelated(what: str, pairs: Mapping[str, tuple[Complexes, Complexes]]) -> Finding:
    """Correlations of values and of the ranks of powers, image by image, by Student's test."""
    away = {}
    for name, (first, second) in pairs.items():
        for part, of in (("values", _centered), ("powers", _ranks)):
            a, b = of(first), of(second)
            if min(_power(a), _power(b)) >= CONSTANT:
                products = (a * b.conj()).real.mean(1) / math.sqrt(_power(a) * _power(b))
                error = products.std(ddof=1) / math.sqrt(len(products))
                away[f"{part} of {name}"] = float(products.mean()), float(error)
    if not away:
        return Finding(what, "no correlation", "the same everywhere: nothing random", True)
    limit = float(student.isf(SIGNIFICANCE / (2 * len(away)), ROWS // 2 - 1))
    worst = max(away, key=lambda name: _errors(*away[name]))
    correlation, error = away[worst]
    return Finding(
        what,
        f"no correlation, within {limit:.1f} standard errors",
        f"{correlation:.3f} +- {limit * error:.3f} ({worst})",
        _errors(correlation, error) <= limit,
    )


def _errors(mean: float, error: float) -> float:
    """How many standard errors a mean is away from 0; infinity for NaN, which is never well."""
    ratio = abs(mean) / error if error else math.inf if mean else 0.0
    return ratio if ratio == ratio else math.inf


def _centered(values: Complexes) -> Complexes:
    centered: Complexes = values - values.mean()
    return centered


def _ranks(values: Complexes) -> Complexes:
    power = np.abs(values) ** 2
    if power.std() < ROUNDING * power.mean():
        return np.zeros_like(values)
    ranks = rankdata(power).reshape(power.shape) / power.size
    return _centered(ranks.astype(np.complex128))


def _power(values: Complexes) -> float:
    return float(np.mean(np.abs(values) ** 2))


def _apart(what: str, values: Complexes, continuous: bool) -> Finding:
    """Whether hardly any two images have the same numbers, where there are many to have."""
    distinct = len(np.unique(values, axis=0))
    few = not continuous and len(np.unique(values)) <= math.isqrt(values.size)
    shared = 1 - distinct / len(values)
    problem = None if few or shared <= EQUAL else f"{shared:.0%} have those of another image"
    return holds(what, "differ", problem, "a law of few values" if few else "differ")
