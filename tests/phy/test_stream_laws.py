"""Streams in statistics: the laws of their numbers, and that different names have nothing in common."""

import itertools

import numpy as np
import pytest
import torch
from named_streams import SIGNIFICANCE, VERBS, Verb, streams, trained
from scipy import stats

from phy.streams import Streams


@pytest.fixture(params=VERBS)
def verb(request: pytest.FixtureRequest) -> Verb:
    return VERBS[request.param]


@pytest.mark.parametrize("kind", ["runs", "training"])
def test_laws(kind: str) -> None:
    """Moments within 4 standard errors, and Kolmogorov and Smirnov's test."""
    rows, uses = 100, 5000
    drawn, n = streams(range(rows)) if kind == "runs" else trained(rows), rows * uses
    normal = drawn.normal(uses).double().flatten()
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs((normal**power).mean() - moment) < 4 * (variance / n) ** 0.5, power
    uniform = drawn.uniform(uses).double().flatten()
    assert 0 <= uniform.min() <= uniform.max() < 1
    for power in (1, 2, 3):
        moment, variance = 1 / (1 + power), 1 / (1 + 2 * power) - 1 / (1 + power) ** 2
        assert abs((uniform**power).mean() - moment) < 4 * (variance / n) ** 0.5, power
    z = drawn.complex_normal(uses)
    assert z.dtype == torch.complex64
    assert abs((z * z).mean()) < 4 / n**0.5  # circular
    power, turn = z.abs().double().square().flatten(), z.angle().double().flatten() / (2 * np.pi)
    laws = ((normal, "norm"), (uniform, "uniform"), (power, "expon"), (turn % 1, "uniform"))
    for values, law in laws:
        assert stats.kstest(values, law).pvalue > SIGNIFICANCE, law


def neighbors() -> dict[str, Streams]:
    """Streams whose names differ in one part, by little and by bits that could be cut off."""
    made: dict[str, Streams] = {"base": streams([5])}
    for seed in (1, 2**32, 2**63):
        made[f"seed {seed}"] = streams([5], seed=seed)
    for transmission in (1, 2, 5, 2**16, 2**32):
        made[f"transmission {transmission}"] = streams([5], transmission=transmission)
    for image in (4, 6, 5 + 2**16, 5 + 2**31, 5 + 2**32, -5):
        made[f"image {image}"] = streams([image])
    for role in ("fading", "noise", "fading2"):
        made[f"role {role}"] = streams([5]).for_role(role)
    made["two roles"] = streams([5]).for_role("noise").for_role("fading")
    made["point"] = streams([5], point="rician snr_db=0.5")
    made["training"], made["training 1"] = trained(6).rows(np.array([5]), 0), trained(6, 1)
    made["training 1"] = made["training 1"].rows(np.array([5]), 0)
    for draws in (1, 2, 3):
        made[f"draw {draws}"] = streams([5])
        for _ in range(draws):
            made[f"draw {draws}"].normal(1)
    return made


def test_streams_of_different_names_are_independent(verb: Verb) -> None:
    """All pairs: correlations of numbers, of squares, and of either with the other's neighbor."""
    n = 20_000
    drawn = np.stack([verb(s, n)[0].real.double().numpy() for s in neighbors().values()])
    size = len(drawn)
    pairs = np.triu_indices(size, 1)
    limit = stats.norm.isf(1e-4 / (2 * 6 * len(pairs[0])))  # of all pairs and kinds together
    for power in (1, 2):
        a = drawn**power - np.mean(drawn**power, axis=1, keepdims=True)
        a /= a.std(axis=1, keepdims=True)
        for lag in (0, 1, 2):
            products = a @ np.roll(a, lag, axis=1).T / n**0.5
            assert np.abs(products[pairs]).max() < limit


def test_streams_of_different_names_share_no_numbers() -> None:
    """Of 48 bits: a stream that is a shifted copy of another would show as thousands."""
    seen = np.concatenate([s.uniform(20_000).double().numpy()[0] for s in neighbors().values()])
    pairs = seen[0::2] * 2**24 * 2**24 + seen[1::2] * 2**24
    shifted = np.concatenate([pairs, seen[1:-1:2] * 2**24 * 2**24 + seen[2::2] * 2**24])
    assert len(np.unique(shifted)) == len(shifted)


def test_collisions_are_as_frequent_as_chance_has_it() -> None:
    """Knuth's collision test: equal pairs among 2^17 numbers of 24 bits, over many short draws."""
    found, repeats, n = 0, 20, 2**17
    for seed in range(repeats):
        rows = streams(range(2**13), seed=seed)
        drawn = torch.cat([rows.rows(np.arange(2**13), j).uniform(4) for j in range(4)])
        found += n - len(drawn.unique())
    expected = repeats * (n - 2**24 * (1 - (1 - 2**-24) ** n))
    assert abs(found - expected) < 4 * expected**0.5


def test_images_and_places_are_independent() -> None:
    """Fields of images and uses: correlations at short distances either way, and of squares."""
    rows, uses = 1000, 1000
    field = streams(range(rows)).normal(uses).double().numpy()
    for values in (field, (field**2 - 1) / 2**0.5):
        for down, right in itertools.product(range(5), range(-4, 5)):
            if (down, right) > (0, 0):
                moved = np.roll(values, (down, right), (0, 1))
                assert abs((values * moved).sum()) / (rows * uses) ** 0.5 < 4.6, (down, right)


@pytest.mark.parametrize("apart", ["places", "images", "transmissions", "draws", "seeds"])
def test_cells_of_the_unit_square_are_equally_full(apart: str) -> None:
    """Chi-square of pairs of neighbors in 32 x 32 cells."""
    n = 200_000
    if apart == "places":
        a, b = streams(range(2)).uniform(n, 2).reshape(-1, 2).T
    elif apart == "images":
        a, b = streams(range(2 * n)).uniform(1).reshape(n, 2).T
    elif apart == "draws":
        rows = streams(range(n))
        a, b = rows.uniform(1)[:, 0], rows.uniform(1)[:, 0]
    else:
        rows = {"transmissions": {"transmission": 1}, "seeds": {"seed": 1}}[apart]
        a, b = streams(range(n)).uniform(1)[:, 0], streams(range(n), **rows).uniform(1)[:, 0]
    counts, *_ = np.histogram2d(a.numpy(), b.numpy(), bins=32, range=[[0, 1], [0, 1]])
    assert SIGNIFICANCE < stats.chisquare(counts.ravel()).pvalue < 1 - SIGNIFICANCE
