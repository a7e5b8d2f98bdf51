"""Intervals: closed forms, and how often they hold the truth that was drawn from, by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from simulator.results.curve import point
from simulator.results.intervals import (
    Parts,
    bootstrap,
    bootstrap_ratio,
    proportion,
    resampled_means,
    wilson,
)

#: Runs of a coverage test: a standard error of 0.69 % at 95 %; 93 to 97 % is 2.9 of them.
RUNS = 1000


@pytest.mark.parametrize("n", [1, 2, 10, 97, 1500])
def test_wilson_is_scipys(n: int) -> None:
    for k in sorted({0, 1, n // 3, n // 2, n - 1, n}):
        expected = binomtest(k, n).proportion_ci(0.95, method="wilson")
        low, high = wilson(k / n, n)
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
        assert 0 <= low <= k / n <= high <= 1


@pytest.mark.parametrize("k", [0, 1, 40, 96, 97])
@pytest.mark.parametrize("seeds", [1, 2, 7])
def test_seeds_that_repeat_each_other_are_one_seed(k: int, seeds: int) -> None:
    once = (np.arange(97) < k).astype(float)
    again = np.repeat(once[:, None], seeds, axis=1)
    assert proportion(again) == pytest.approx(wilson(k / 97, 97))


def test_one_seed_of_mean_precisions_is_the_plain_bootstrap() -> None:
    values = np.random.default_rng(0).beta(2, 1, 300)
    low, high = bootstrap(values)
    width = 2 * 1.96 * values.std() / 300**0.5
    assert high - low == pytest.approx(width, rel=0.06)
    assert bootstrap(values[:, None]) == (low, high)


@pytest.mark.parametrize("seeds", [2, 5])
@pytest.mark.parametrize("share", [0.0, 0.2])
def test_the_resamples_have_the_variance_of_the_parts(seeds: int, share: float) -> None:
    rng = np.random.default_rng(seeds)
    values = rng.normal(size=(200, 1)) + share * rng.normal(size=seeds)
    values = values + rng.normal(size=(200, seeds))
    draws = resampled_means(values)
    # the variance of 2000 draws has a standard error of 3.2 %
    assert draws.var() == pytest.approx(Parts.of(values).variance, rel=0.13)
    assert draws.mean() == pytest.approx(values.mean(), abs=4 * draws.std() / 2000**0.5)


def test_the_variance_is_that_of_the_mean_whatever_the_parts_are() -> None:
    """image / n + seed / m + rest / (n m), on average over many tables."""
    rng = np.random.default_rng(5)
    n, m, image, seed, rest = 60, 6, 0.5, 0.2, 0.8
    found = [
        Parts.of(
            rng.normal(0, image, (n, 1)) + rng.normal(0, seed, m) + rng.normal(0, rest, (n, m))
        ).variance
        for _ in range(RUNS)
    ]
    truth = image**2 / n + seed**2 / m + rest**2 / (n * m)
    assert np.mean(found) == pytest.approx(truth, rel=4 * np.std(found) / truth / RUNS**0.5)


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("metric", ["rank1", "mAP", "color_accuracy", "type_accuracy"])
@pytest.mark.parametrize("seeds", [1, 5])
def test_nothing_and_everything_have_the_width_of_their_images(
    value: float, metric: str, seeds: int
) -> None:
    columns = {"rank1": "rank1_hit", "mAP": "average_precision"}
    column = columns.get(metric, metric.replace("accuracy", "correct"))
    image, seed = np.meshgrid(np.arange(50), np.arange(seeds))
    table = pd.DataFrame({"image": image.ravel(), "seed": seed.ravel(), column: value})
    found = point(table, metric)
    assert (found["value"], found["n"]) == (100 * value, 50)
    expected = [100 * bound for bound in wilson(value, 50)]
    assert [found["ci_low"], found["ci_high"]] == pytest.approx(expected)


@pytest.mark.parametrize("seeds", [1, 2, 5])
def test_accuracies_cover_the_truth(seeds: int) -> None:
    """Images of a population, hard and easy ones; an image that is hard is so under all seeds."""
    rng = np.random.default_rng(2)
    images, easy, hard = 200, 8.0, 2.0
    truth, covered = easy / (easy + hard), 0
    for _ in range(RUNS):
        right = rng.random((images, seeds)) < rng.beta(easy, hard, (images, 1))
        low, high = proportion(right.astype(float))
        covered += low <= truth <= high
    assert 0.93 <= covered / RUNS <= 0.97
    image, seed = np.indices(right.shape).reshape(2, -1)
    table = pd.DataFrame({"image": image, "seed": seed, "color_correct": right.ravel()})
    found = point(table, "color_accuracy")
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((100 * low, 100 * high))


def test_more_seeds_tell_more_and_never_more_than_the_images_do() -> None:
    rng = np.random.default_rng(3)
    chance = rng.beta(8, 2, (400, 1))
    right = (rng.random((400, 400)) < chance).astype(float)
    widths = [np.subtract(*proportion(right[:, :seeds])[::-1]) for seeds in (1, 4, 400)]
    assert widths[0] > 1.3 * widths[1] > 1.3 * widths[2]
    of_the_images = 2 * 1.96 * chance.std() / 400**0.5
    assert widths[2] == pytest.approx(of_the_images, rel=0.15)


QUERIES, VEHICLES, PER_VEHICLE, DIMENSIONS = 50, 10, 3, 6


def retrieval(
    rng: np.random.Generator, centers: np.ndarray, seeds: int, queries: int
) -> np.ndarray:
    """Rank-1 and average precision [2, queries, seeds] of noisy queries in a noisy gallery.

    All queries of one seed meet the same gallery, as the channel left it.
    """
    owner = np.repeat(np.arange(VEHICLES), PER_VEHICLE)
    vehicle = rng.integers(VEHICLES, size=queries)
    clean = centers[vehicle] + rng.normal(0, 0.7, (queries, DIMENSIONS))
    found = np.empty((2, queries, seeds))
    for seed in range(seeds):
        gallery = centers[owner] + rng.normal(0, 0.6, (len(owner), DIMENSIONS))
        query = clean + rng.normal(0, 0.5, clean.shape)
        order = np.argsort(((query[:, None] - gallery) ** 2).sum(2), axis=1)
        same = owner[order] == vehicle[:, None]
        precision = same.cumsum(1) / np.arange(1, len(owner) + 1)
        found[0, :, seed] = same[:, 0]
        found[1, :, seed] = (precision * same).sum(1) / PER_VEHICLE
    return found


@pytest.mark.parametrize("seeds", [3, 6])
def test_rank1_and_map_cover_the_truth_over_queries_and_galleries(seeds: int) -> None:
    rng = np.random.default_rng(4)
    centers = rng.normal(size=(VEHICLES, DIMENSIONS))
    truth = retrieval(rng, centers, 300, 500).mean((1, 2))
    covered, alone, runs = np.zeros(2), 0, 400  # a standard error of 1.1 %
    for _ in range(runs):
        hits, precisions = retrieval(rng, centers, seeds, QUERIES)
        intervals = proportion(hits), bootstrap(precisions)
        covered += [low <= t <= high for (low, high), t in zip(intervals, truth, strict=True)]
        alone += abs(precisions.mean() - truth[1]) <= 1.96 * precisions.mean(1).std() / QUERIES**0.5
    assert (covered / runs >= 0.93).all(), covered / runs
    assert (covered / runs <= 0.97).all(), covered / runs
    # queries alone would claim too much: what they share, the gallery, is not in their spread
    assert alone < covered[1]


def test_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth, runs = 0.6, 400
    covered = 0
    for _ in range(runs):  # average precisions look like this: between 0 and 1, skewed
        low, high = bootstrap(rng.beta(1.5, 1.0, 60))
        covered += low <= truth <= high
    # the standard error of this share is 1.1 %
    assert 0.93 <= covered / runs <= 0.97


def test_bootstrap_is_deterministic_and_narrows() -> None:
    values = np.random.default_rng(0).random(400)
    assert bootstrap(values) == bootstrap(values)
    few, many = bootstrap(values[:25]), bootstrap(values)
    ratio = (few[1] - few[0]) / (many[1] - many[0])
    assert ratio == pytest.approx(4, rel=0.35)  # 1 / sqrt(n)


def test_intervals_of_what_does_not_vary() -> None:
    assert bootstrap(np.array([3.0, 3.0])) == (3.0, 3.0)
    assert bootstrap(np.array([5.0])) == (5.0, 5.0)


def test_the_interval_of_a_ratio_has_the_width_of_the_delta_method() -> None:
    rng = np.random.default_rng(3)
    uses = rng.integers(1, 5, 800) * 100.0
    bits = 300.0 * (rng.random(800) < 0.7)
    low, high = bootstrap_ratio(bits, uses)
    ratio = bits.sum() / uses.sum()
    error = np.std(bits - ratio * uses) / uses.mean() / 800**0.5
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert low < ratio < high
    assert bootstrap_ratio(2 * uses, uses) == (2.0, 2.0)
