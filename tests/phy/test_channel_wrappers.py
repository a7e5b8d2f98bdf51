"""Channels over channels: shadowing, bursts, receive arrays.

Significance: 0.1 % for each test of goodness of fit, four standard errors for each mean; fixed seeds.
"""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from phy.channel import Channel, Received, multiply
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.channels.gilbert_elliott import GilbertElliott
from phy.channels.shadowing import Shadowed
from phy.channels.simo import Simo
from phy.channels.wrapper import Wrapper, is_flat
from phy.streams import Streams

SIGNIFICANCE = 1e-3


def slots(channel: Channel, uses: int, count: int, images: int) -> list[np.ndarray]:
    """Gains of slots in a row, each [images, uses] or [images, 1]."""
    drawn, state = [], None
    for slot in range(count):
        h, state = channel.draw(Streams(0, "c", np.arange(images), slot), uses, state)
        drawn.append(h.numpy())
    return drawn


def test_a_shadow_is_constant_over_the_slots_of_an_image_and_its_own() -> None:
    first, second = slots(Shadowed(Awgn(), 8.0), 5, 2, 3000)
    assert np.array_equal(first, second)
    shadow_db = 20 * np.log10(first[:, 0].real)
    median_db = -(8.0**2) * np.log(10) / 20
    assert stats.kstest(shadow_db, stats.norm(median_db, 8.0).cdf).pvalue > SIGNIFICANCE


def test_a_shadow_lies_over_the_fading_and_changes_nothing_else() -> None:
    streams = Streams(0, "c", np.arange(40))
    h, _ = Shadowed(Rician(3.0), 6.0).draw(streams, 9, None)
    again = Streams(0, "c", np.arange(40))
    under, _ = Rician(3.0).draw(again.for_role("over"), 9, None)
    ratio = (h / under).numpy()
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(9, 1), rtol=1e-6)
    none, _ = Shadowed(Rician(3.0), 0.0).draw(Streams(0, "c", np.arange(40)), 9, None)
    assert torch.equal(none, under)


def bad_states(channel: GilbertElliott, uses: int, count: int, images: int) -> np.ndarray:
    """[images, count, uses] of the chain over AWGN."""
    threshold = float(np.mean(np.sqrt(channel.power_gains)))
    return np.stack(slots(channel, uses, count, images), 1).real < threshold


@pytest.mark.parametrize(("to_bad", "to_good"), [(0.3, 0.2), (0.9, 0.7), (0.05, 0.95)])
def test_paths_have_the_probabilities_of_the_chain(to_bad: float, to_good: float) -> None:
    """Four uses and the next slot's first, five uses after the first: all 32 patterns."""
    channel = GilbertElliott(Awgn(), to_bad, to_good, -20.0, bandwidth_hz=5.0, interval_s=1.0)
    assert channel.interval_uses == 5
    states = bad_states(channel, 4, 2, 20_000)
    seen = np.concatenate([states[:, 0], states[:, 1, :1]], 1) @ (1 << np.arange(5))
    step = np.array([[1 - to_bad, to_bad], [to_good, 1 - to_good]])
    start = np.array([to_good, to_bad]) / (to_good + to_bad)
    expected = np.zeros(32)
    for path in itertools.product((0, 1), repeat=5):
        *burst, later = path
        chance = start[burst[0]] * np.prod([step[a, b] for a, b in itertools.pairwise(burst)])
        chance *= np.linalg.matrix_power(step, 2)[burst[-1], later]
        expected[np.dot(path, 1 << np.arange(5))] = chance
    counts = np.bincount(seen, minlength=32)
    assert stats.chisquare(counts, expected * len(seen)).pvalue > SIGNIFICANCE


def test_bursts_last_as_long_as_they_should() -> None:
    """Geometric with mean 1 / bad_to_good, also where a burst outlasts its slot."""
    channel = GilbertElliott(Awgn(), 0.02, 0.2, bandwidth_hz=10.0, interval_s=1.0)
    states = bad_states(channel, 4000, 1, 40)[:, 0]
    lengths = []
    for row in states:
        runs = [(bad, len(list(run))) for bad, run in itertools.groupby(row)]
        lengths += [length for bad, length in runs[1:-1] if bad]
    assert len(lengths) > 2000
    binned = np.bincount(np.minimum(lengths, 25), minlength=26)[1:]
    law = stats.geom(0.2)
    expected = np.append(law.pmf(np.arange(1, 25)), law.sf(24))
    assert stats.chisquare(binned, expected * len(lengths)).pvalue > SIGNIFICANCE


def test_what_a_slot_leaves_behind_does_not_depend_on_its_length() -> None:
    channel, images = GilbertElliott(Rayleigh(), 0.1, 0.1, bandwidth_hz=30.0), np.arange(200)
    long, after_long = channel.draw(Streams(0, "c", images), 400, None)
    short, after_short = channel.draw(Streams(0, "c", images), 3, None)
    assert torch.equal(long[:, :3], short)
    assert torch.equal(after_long.bad, after_short.bad)


def test_two_states_of_mean_power_one() -> None:
    channel = GilbertElliott(Awgn(), 0.1, 0.3, -15.0)
    good, bad = channel.power_gains
    assert 10 * np.log10(bad / good) == pytest.approx(-15.0)
    assert 0.75 * good + 0.25 * bad == pytest.approx(1.0)
    (h,) = slots(channel, 2, 1, 4000)
    np.testing.assert_allclose(np.unique(h.real) ** 2, [bad, good], rtol=1e-6)
    assert stats.binomtest(int((h[:, 0].real ** 2 < 1).sum()), 4000, 0.25).pvalue > SIGNIFICANCE


def test_combining_is_what_an_array_gives() -> None:
    """Three antennas simulated one by one, noise and all, and combined by hand."""
    images, uses, no, n = 2000, 12, 0.4, 3
    streams = Streams(0, "c", np.arange(images))
    x = torch.full((images, uses), 1 + 0j, dtype=torch.complex64)
    norm, _ = Simo(Rician(2.0), n).draw(streams, uses, None)
    branches, streams = [], Streams(0, "c", np.arange(images))
    for i in range(n):
        h, _ = Rician(2.0).draw(streams.for_role(f"antenna {i}"), uses, None)
        branches.append((h, Rician(2.0).apply(x, h, no, streams.for_role(f"noise {i}")).y))
    assert torch.allclose(norm, sum(h.abs() ** 2 for h, _ in branches).sqrt() + 0j, atol=1e-5)
    y = sum(multiply(h.conj(), y) for h, y in branches) / norm.real
    noise = (y - norm * x).numpy().astype(np.complex128)
    for part in (noise.real, noise.imag):
        assert stats.kstest(part.ravel(), stats.norm(0, np.sqrt(no / 2)).cdf).pvalue > SIGNIFICANCE
        # noise says nothing of the gain
        assert stats.pearsonr(np.abs(part).ravel(), norm.real.ravel()).pvalue > SIGNIFICANCE
    received = Simo(Rician(2.0), n).apply(x, norm, no, streams.for_role("noise"))
    assert torch.equal(received.h, norm)
    assert received.no.tolist() == [[pytest.approx(no)]]


def test_antennas_fade_independently_and_keep_their_states() -> None:
    channel = Simo(Rayleigh("jakes", 5.0), 2)
    streams = Streams(0, "c", np.arange(2000))
    (one, _), (two, _) = (
        channel.over.draw(streams.for_role(f"antenna {i}"), 1, None) for i in range(2)
    )
    product = (one * two.conj()).numpy()[:, 0]
    for part in (product.real, product.imag):
        assert abs(part.mean()) < 4 * part.std() / np.sqrt(len(part))
    (first, second) = slots(channel, 1, 2, 2000)
    assert np.corrcoef(first[:, 0].real, second[:, 0].real)[0, 1] > 0.6  # J0(0.62)^2 = 0.82


def test_mean_gain_through_a_chain() -> None:
    channel = Shadowed(Simo(GilbertElliott(Rayleigh(), 0.1, 0.3), 4), 2.0)
    assert channel.average_gain == 4
    (h,) = slots(channel, 1, 1, 4000)
    power = np.abs(h[:, 0]) ** 2
    assert abs(power.mean() - 4) < 3 * power.std() / np.sqrt(len(power))


class Squint(Wrapper):
    """Not flat: its receiver believes in twice the gain."""

    def draw(self, streams: Streams, uses: int, state: object) -> tuple[torch.Tensor, object]:
        return self.over.draw(streams, uses, state)

    def apply(self, x: torch.Tensor, h: torch.Tensor, no: float, streams: Streams) -> Received:
        received = self.over.apply(x, h, no, streams)
        return received._replace(h=2 * received.h)

    def pilot_uses(self, uses: int) -> int:
        return 7


def test_what_is_not_flat_is_not_combined_but_can_be_shadowed() -> None:
    squint = Squint("squint", Awgn())
    assert is_flat(Shadowed(Awgn()))
    assert not is_flat(Shadowed(squint))
    with pytest.raises(ValueError, match=r"^channel simo: over Squint is not allowed, it must be"):
        Simo(squint)
    streams, x = Streams(0, "c", np.arange(3)), torch.ones(3, 4, dtype=torch.complex64)
    channel = Shadowed(squint, 3.0)
    h, _ = channel.draw(streams, 4, None)
    assert torch.equal(channel.apply(x, h, 1.0, streams).h, 2 * h.expand_as(x))
    assert channel.pilot_uses(4) == 7
