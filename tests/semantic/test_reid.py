"""Rank-1 and mAP against brute force, and at the edges of the protocol."""

import math

import numpy as np
import pytest
import torch

from semantic.conventions import UNKNOWN
from semantic.reid import ReidImages, evaluate_reid


def draw(n: int, seed: int, d: int = 3, vehicles: int = 5, cameras: int = 3) -> ReidImages:
    generator = torch.Generator().manual_seed(seed)
    return ReidImages(
        # Small integers, so that many similarities are exactly equal.
        torch.randint(-2, 3, (n, d), generator=generator).float(),
        torch.randint(-1, vehicles, (n,), generator=generator),
        torch.randint(0, cameras, (n,), generator=generator),
    )


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.astype(float), b.astype(float)
    scale = np.linalg.norm(a) * np.linalg.norm(b)
    return round(float(a @ b) / float(scale), 9) if scale else 0.0


def by_hand(
    query: ReidImages, gallery: ReidImages, remove_junk: bool
) -> list[tuple[bool, float] | None]:
    """The definition with lists and loops: (rank-1 hit, AP) of each query, None if invalid."""
    results: list[tuple[bool, float] | None] = []
    for x, vehicle, camera in zip(*(part.numpy() for part in query), strict=True):
        ranking = []
        for y, other, seen_by in zip(*(part.numpy() for part in gallery), strict=True):
            if UNKNOWN in (vehicle, other):
                continue
            if remove_junk and other == vehicle and seen_by == camera:
                continue
            ranking.append((-cosine(x, y), bool(other == vehicle)))
        ranking.sort()  # False before True: wrong images first among equals
        places = [place for place, (_, right) in enumerate(ranking, start=1) if right]
        if not places:
            results.append(None)
            continue
        average = sum(k / place for k, place in enumerate(places, start=1)) / len(places)
        results.append((places[0] == 1, average))
    return results


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("remove_junk", [True, False])
def test_equals_brute_force(seed: int, remove_junk: bool) -> None:
    query, gallery = draw(13, seed), draw(31, seed + 1000)
    result = evaluate_reid(query, gallery, remove_junk, chunk=1 + seed)
    expected = by_hand(query, gallery, remove_junk)
    assert result.valid.tolist() == [entry is not None for entry in expected]
    for index, entry in enumerate(expected):
        hit, average = entry or (False, math.nan)
        assert bool(result.rank1_hit[index]) == hit
        assert float(result.average_precision[index]) == pytest.approx(average, nan_ok=True)
    valid = [entry for entry in expected if entry is not None]
    assert result.n_valid == len(valid)
    assert result.rank1 == pytest.approx(np.mean([hit for hit, _ in valid]))
    assert result.mean_average_precision == pytest.approx(np.mean([ap for _, ap in valid]))


def test_queries_inside_the_gallery_find_themselves_unless_junk_is_removed() -> None:
    generator = torch.Generator().manual_seed(0)
    embedding = torch.randn(200, 16, generator=generator)  # knows nothing of the vehicles
    images = ReidImages(embedding, torch.arange(200) % 40, torch.arange(200) % 7)
    assert evaluate_reid(images, images, remove_junk=False).rank1 == 1.0
    assert evaluate_reid(images, images, remove_junk=True).rank1 < 0.15


def test_query_without_positives_is_counted_not_scored() -> None:
    query = ReidImages(torch.eye(3), torch.tensor([1, 2, 3]), torch.tensor([0, 0, 0]))
    # Vehicle 1 in another camera; vehicle 2 in the query's own camera only; vehicle 3 nowhere.
    gallery = ReidImages(torch.eye(3)[:2], torch.tensor([1, 2]), torch.tensor([1, 0]))
    result = evaluate_reid(query, gallery)
    assert result.valid.tolist() == [True, False, False]
    assert result.n_valid == 1
    assert (result.rank1, result.mean_average_precision) == (1.0, 1.0)
    assert result.average_precision.isnan().tolist() == [False, True, True]


def test_no_valid_query_is_an_error() -> None:
    one = ReidImages(torch.ones(1, 2), torch.tensor([4]), torch.tensor([0]))
    with pytest.raises(ValueError, match=r"none of the 1 queries .* another camera"):
        evaluate_reid(one, one)
    with pytest.raises(ValueError, match="none of the 1 queries"):
        evaluate_reid(one, one._replace(vehicle=torch.tensor([5])), remove_junk=False)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_a_network_that_says_always_the_same_scores_worst(value: float) -> None:
    query = ReidImages(torch.full((1, 8), value), torch.tensor([0]), torch.tensor([0]))
    gallery = ReidImages(
        torch.full((10, 8), value), torch.arange(10), torch.ones(10, dtype=torch.long)
    )
    result = evaluate_reid(query, gallery)
    assert result.rank1 == 0.0
    assert result.mean_average_precision == pytest.approx(1 / 10)


def test_scale_of_an_embedding_does_not_matter() -> None:
    query, gallery = draw(9, 1), draw(40, 2)
    scaled = gallery._replace(embedding=gallery.embedding * torch.logspace(-18, 18, 40)[:, None])
    expected = evaluate_reid(query, gallery)
    result = evaluate_reid(query, scaled)
    assert torch.equal(result.rank1_hit, expected.rank1_hit)
    torch.testing.assert_close(result.average_precision, expected.average_precision, equal_nan=True)


def test_mistakes_are_value_errors() -> None:
    good = draw(4, 0)
    broken = good._replace(embedding=torch.tensor([[1.0, math.nan, 0.0]] * 4))
    blind = good._replace(camera=torch.full((4,), UNKNOWN), vehicle=torch.tensor([0, 1, 2, -1]))
    none = ReidImages(*(part[:0] for part in good))
    with pytest.raises(ValueError, match="query: embeddings must be finite, 4 of 4 are not"):
        evaluate_reid(broken, good)
    with pytest.raises(ValueError, match=r"camera of 3 of 4 images is unknown.*remove_junk=False"):
        evaluate_reid(good, blind)
    with pytest.raises(ValueError, match="at least one gallery image"):
        evaluate_reid(good, none)
    with pytest.raises(ValueError, match="one length, got 3 and 2"):
        evaluate_reid(good, good._replace(embedding=torch.ones(4, 2)))
    with pytest.raises(ValueError, match="chunk"):
        evaluate_reid(good, good, chunk=0)
