"""One stream per image: what a row draws depends on nothing but its own name."""

import hashlib
import math
from collections.abc import Iterable

import numpy as np
import pytest
import torch

from phy.streams import BatchStreams, Streams

VERBS = ("normal", "uniform", "complex_normal")


def streams(images: Iterable[int] = range(6), **other: object) -> Streams:
    fields = {"seed": 0, "point": "rician snr_db=0.0", **other}
    return Streams(images=np.array(list(images), dtype=np.int64), **fields)


@pytest.mark.parametrize("verb", VERBS)
def test_a_row_does_not_depend_on_its_company(verb: str) -> None:
    whole = getattr(streams(), verb)(300)
    some = getattr(streams([4, 1]), verb)(300)
    assert torch.equal(some, whole[[4, 1]])


@pytest.mark.parametrize("verb", VERBS)
def test_a_shorter_draw_is_a_prefix_of_a_longer_one(verb: str) -> None:
    assert torch.equal(getattr(streams(), verb)(1000)[:, :71], getattr(streams(), verb)(71))


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"point": "rician snr_db=2.0"},
        {"transmission": 1},
        {"role": "noise"},
        {"images": [7]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_name_gives_independent_numbers(other: dict[str, object]) -> None:
    n = 20_000
    here = streams([3]).normal(n)[0]
    there = streams(**{"images": [3], **other}).normal(n)[0]  # type: ignore[arg-type]
    correlation = float((here * there).mean())  # its standard error is 1 / sqrt(n)
    assert abs(correlation) < 4 / n**0.5
    assert len(set(here.tolist()) & set(there.tolist())) < n / 100  # nor shifted copies


@pytest.mark.parametrize("verb", VERBS)
def test_each_row_is_a_philox_stream_of_its_own(verb: str) -> None:
    """Key: the purpose; upper counter words: slot and image. Fresh generators draw the same."""
    here = streams([3, 0, 2**40], transmission=5).for_role("noise")
    digest = hashlib.sha256(repr((0, "rician snr_db=0.0", "/noise")).encode()).digest()
    key = int.from_bytes(digest[:8], "little")
    drawn = getattr(here, verb)(7, 3)
    for image, row in zip(here.images.tolist(), drawn, strict=True):
        counter = np.array([0, 0, 5, image], dtype=np.uint64)
        generator = np.random.Generator(np.random.Philox(key=key, counter=counter))
        if verb == "uniform":
            expected = torch.from_numpy(generator.random((7, 3), dtype=np.float32))
        elif verb == "normal":
            expected = torch.from_numpy(generator.standard_normal((7, 3), dtype=np.float32))
        else:
            pair = torch.from_numpy(generator.standard_normal((7, 3, 2), dtype=np.float32))
            expected = torch.complex(pair[..., 0], pair[..., 1]) * math.sqrt(0.5)
        assert torch.equal(row, expected)
    assert getattr(streams([]), verb)(7, 3).shape == (0, 7, 3)


def test_any_distribution_of_numpy_draws_from_the_same_streams() -> None:
    drawn = streams([4, 9]).each(lambda g: g.standard_normal((5, 2), dtype=np.float32))
    assert torch.equal(drawn, streams([4, 9]).normal(5, 2))
    odd = streams([4, 9]).each(lambda g: g.integers(0, 10, 3))  # half a word is left over
    assert torch.equal(
        odd, torch.cat([streams([i]).each(lambda g: g.integers(0, 10, 3)) for i in (4, 9)])
    )
    assert streams([]).each(lambda g: g.gamma(2.0, size=3)).shape == (0, 3)


def test_slot_and_image_do_not_mix() -> None:
    assert not torch.equal(
        streams([2], transmission=1).normal(9), streams([1], transmission=2).normal(9)
    )


def test_rows_are_the_streams_of_some_images_in_another_slot() -> None:
    later = streams([5, 6, 7]).rows(np.array([2, 0]), transmission=3)
    assert torch.equal(later.normal(50), streams([7, 5], transmission=3).normal(50))


def test_roles_do_not_meet() -> None:
    fading, noise = streams([0]).for_role("fading"), streams([0]).for_role("noise")
    assert not torch.equal(fading.normal(20), noise.normal(20))
    assert torch.equal(fading.normal(20), streams([0]).for_role("fading").normal(20))


@pytest.mark.parametrize("kind", ["per image", "per batch"])
def test_moments(kind: str) -> None:
    rows, uses = 40, 5000
    n = rows * uses
    drawn = (
        streams(range(rows))
        if kind == "per image"
        else BatchStreams(torch.Generator().manual_seed(0), rows)
    )
    normal = drawn.normal(uses).double()
    assert abs(normal.mean()) < 4 / n**0.5
    assert abs(normal.square().mean() - 1) < 4 * (2 / n) ** 0.5
    uniform = drawn.uniform(uses).double()
    assert 0 <= uniform.min() <= uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 4 * (1 / 12 / n) ** 0.5
    assert abs((uniform - 0.5).square().mean() - 1 / 12) < 4 * (1 / 180 / n) ** 0.5
    z = drawn.complex_normal(uses)
    assert z.dtype == torch.complex64
    assert abs(z.abs().square().double().mean() - 1) < 4 / n**0.5  # exponential: variance 1
    for part in (z.real, z.imag):
        assert abs(part.double().square().mean() - 0.5) < 4 * (0.5 / n) ** 0.5
    assert abs((z.real * z.imag).double().mean()) < 4 * 0.5 / n**0.5


def test_no_images_give_no_rows() -> None:
    assert streams([]).normal(7).shape == (0, 7)
    assert streams([]).complex_normal(7).shape == (0, 7)
    assert streams([1, 2]).complex_normal(0).shape == (2, 0)
