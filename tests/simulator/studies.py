"""Simulated studies with strong dependence within vehicles: the measured coverage of intervals.

The value of an image is a function of a latent normal variable of variance 1:

    latent = vehicle (0.5) + image (0.2) + fading and noise of one seed (0.3)

so the intra-class correlation within a vehicle is 0.5. Vehicles have 1 to 30 images.
`python tests/simulator/studies.py` prints the table of docs/statistics.md.
"""

from collections.abc import Callable, Iterator
from functools import cache

import numpy as np
from scipy.special import ndtr, ndtri

from simulator.results.intervals import Array, Spread, Vehicles, mean_interval, share_interval

MOST_IMAGES = 30
#: Studies by vehicles and seeds.
STUDIES = {
    (20, 1): 4000,
    (20, 5): 3000,
    (104, 1): 2000,
    (104, 5): 1500,
    (700, 1): 1000,
    (700, 5): 300,
}
SHARES = (0.5, 0.9, 0.97)
#: Thresholds of the second, third and fourth transmission.
SENT = {1.05: (1.8, 2.3, 2.8), 1.27: (0.9, 1.5, 2.0), 2.5: (-0.7, 0.0, 0.7)}
DIFFERENCES = ((0.58, 0.5), (0.93, 0.9), (0.985, 0.97))
#: An average precision is the mean over these of whether the latent variable is above.
PRECISION = (-0.6, 0.0, 0.3, 0.8)

Bounds = tuple[Array, Array]


def latent(rng: np.random.Generator, studies: int, vehicles: int, seeds: int) -> Array:
    """[studies, vehicles, images, seeds] latent variables of as many images as there may be."""

    def normal(variance: float, *shape: int) -> Array:
        return np.float32(variance**0.5) * rng.standard_normal((studies, *shape), np.float32)

    found = normal(0.3, vehicles, MOST_IMAGES, seeds)
    found += normal(0.2, vehicles, MOST_IMAGES, 1)
    found += normal(0.5, vehicles, 1, 1)
    return found


def images_of(rng: np.random.Generator, studies: int, vehicles: int) -> Array:
    """[studies, vehicles, images, 1] bool, which images there are: 1 to 30 of each vehicle."""
    count = rng.integers(1, MOST_IMAGES + 1, (studies, vehicles, 1, 1))
    found: Array = np.arange(MOST_IMAGES)[:, None] < count
    return found


def sums(values: Array, there: Array) -> Vehicles:
    """Sums per vehicle of [studies, vehicles, images, seeds], for one training."""
    total = np.einsum("svij,svi->svj", values, there[..., 0], dtype=np.float64)
    return Vehicles(total[:, :, None], there.sum(2)[:, :, None].astype(float))


def spread(values: Array, there: Array, least: float | None, most: float | None) -> Spread:
    """How the values of images lie, by the definitions of `Spread`."""
    axes, count = (1, 2, 3), there.sum((1, 2, 3)) * values.shape[3]
    one = values.mean(3, keepdims=True)
    low = np.where(there, one, np.inf).min(axes)
    high = np.where(there, one, -np.inf).max(axes)
    mean = (values * there).sum(axes) / count
    variance = (there * (values - mean[:, None, None, None]) ** 2).sum(axes) / count
    median = np.nanmedian(np.where(there, values, np.nan).reshape(len(values), -1), 1)
    distance = np.abs(values - median[:, None, None, None]) * there
    if least is not None and most is not None:
        distance[distance <= 0.005 * (most - least)] = 0
    return Spread(
        low,
        high,
        variance,
        distance.sum(2).mean(2),
        low if least is None else np.full_like(low, least),
        high if most is None else np.full_like(high, most),
    )


def _share(truth: float, values: Array, there: Array) -> tuple[float, Bounds]:
    return truth, share_interval(sums(values.astype(np.float32), there))


def _mean(
    truth: float, values: Array, there: Array, least: float, most: float
) -> tuple[float, Bounds]:
    values = values.astype(np.float32)
    return truth, mean_interval(sums(values, there), spread(values, there, least, most))


def metrics(
    shown: Array, other: Array, there: Array
) -> Iterator[tuple[str, Callable[[], tuple[float, Bounds]]]]:
    """Names of the metrics, and what computes the truth and the intervals of each."""
    for share in SHARES:
        yield f"accuracy {share:g}", lambda p=share: _share(p, shown < ndtri(p), there)
    truth = 1 - float(ndtr(np.array(PRECISION)).mean())
    precision = sum((shown > level).astype(np.float32) for level in PRECISION) / len(PRECISION)
    yield f"mAP {truth:.2f}", lambda: _share(truth, precision, there)
    for mean, cuts in SENT.items():
        sent = 1 + sum((shown > cut).astype(np.float32) for cut in cuts)
        exact = 1 + float(sum(1 - ndtr(cut) for cut in cuts))
        yield f"transmissions {mean:g}", lambda y=sent, m=exact: _mean(m, y, there, 1, 4)
    mixed = (shown + other) * np.float32(0.5**0.5)
    for a, b in DIFFERENCES:
        yield (
            f"difference {a:g} - {b:g}",
            lambda a=a, b=b: _mean(
                a - b, (mixed < ndtri(a)) * 1.0 - (shown < ndtri(b)), there, -1, 1
            ),
        )


@cache
def coverage(vehicles: int, seeds: int) -> dict[str, float]:
    """The share of studies whose interval holds the truth, by metric.

    Raises:
        AssertionError: When an interval has zero width.
    """
    rng, total = np.random.default_rng(vehicles + seeds), STUDIES[vehicles, seeds]
    size = max(1, 10_000_000 // (vehicles * MOST_IMAGES * seeds))
    held: dict[str, int] = {}
    for first in range(0, total, size):
        studies = min(size, total - first)
        shown, other = (latent(rng, studies, vehicles, seeds) for _ in range(2))
        for name, compute in metrics(shown, other, images_of(rng, studies, vehicles)):
            truth, (low, high) = compute()
            assert (high > low).all(), f"{name}: an interval has zero width"
            held[name] = held.get(name, 0) + int(((low <= truth) & (truth <= high)).sum())
    return {name: count / total for name, count in held.items()}


def main() -> None:
    """Prints the table: a row for each metric, a column for each number of vehicles and seeds."""
    found = {place: coverage(*place) for place in STUDIES}
    heads = (f"{v} vehicles, {s} seed{'s' * (s > 1)}" for v, s in found)
    print("| truth (value or mean) | " + " | ".join(heads) + " |")
    print("|---" * (1 + len(found)) + "|")
    for name in found[20, 1]:
        cells = (f"{100 * by_metric[name]:.1f}" for by_metric in found.values())
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
