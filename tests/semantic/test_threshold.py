"""The threshold that requests a given share of a slot, and the area under the ROC curve."""

import pytest
import torch
from scipy import stats

from semantic.distortion.threshold import auroc, calibrate_threshold


def requested_ratio(d: torch.Tensor, threshold: float) -> float:
    """Mean share of a slot that a threshold requests again."""
    return float((d >= threshold).double().mean())


@pytest.mark.parametrize("ratio", [0.1, 0.25, 0.5, 0.75, 1.0])
def test_threshold_meets_the_ratio(ratio: float) -> None:
    generator = torch.Generator().manual_seed(0)
    d = torch.sigmoid(torch.randn(50, 200, generator=generator))
    threshold = calibrate_threshold(d, ratio)
    assert requested_ratio(d, threshold) == pytest.approx(ratio, abs=1 / d.numel())
    fresh = torch.sigmoid(torch.randn(50, 200, generator=generator))
    assert requested_ratio(fresh, threshold) == pytest.approx(ratio, abs=0.03)


def test_slots_of_different_size_count_alike() -> None:
    generator = torch.Generator().manual_seed(1)
    d = torch.rand(40, 100, generator=generator)
    size = torch.randint(20, 100, (40,), generator=generator)
    valid = torch.arange(100)[None, :] < size[:, None]
    threshold = calibrate_threshold(d, 0.5, valid)
    by_hand = [float((d[s, : size[s]] >= threshold).float().mean()) for s in range(40)]
    assert sum(by_hand) / 40 == pytest.approx(0.5, abs=0.001)


def test_invalid_features_do_not_count() -> None:
    d = torch.tensor([[0.9, 0.8, 0.1, 0.2]])
    valid = torch.tensor([[False, True, True, False]])
    assert calibrate_threshold(d, 0.5, valid) == pytest.approx(0.8)


def test_equal_distortions_are_requested_together() -> None:
    d = torch.full((3, 10), 0.25)
    assert calibrate_threshold(d, 0.5) == 0.25
    assert requested_ratio(d, 0.25) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_the_mann_whitney_statistic(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    error = torch.rand(6, 40, generator=generator)
    # Rounded, so that many values tie.
    d = ((error + torch.rand(6, 40, generator=generator)) * 5).round() / 5
    valid = torch.rand(6, 40, generator=generator) < 0.8
    median = error[valid].median()
    large, small = d[valid & (error > median)], d[valid & (error <= median)]
    by_pairs = (large[:, None] > small).double() + (large[:, None] == small).double() / 2
    area = auroc(d, error, valid)
    assert area == pytest.approx(float(by_pairs.mean()))
    expected = stats.mannwhitneyu(large.numpy(), small.numpy()).statistic / (
        len(large) * len(small)
    )
    assert area == pytest.approx(expected)


def test_auroc_at_its_ends() -> None:
    error = torch.rand(20, 30, generator=torch.Generator().manual_seed(0))
    assert auroc(error, error) == 1.0
    assert auroc(-error, error) == 0.0
    assert auroc(torch.zeros(20, 30), error) == 0.5


def test_mistakes_are_value_errors() -> None:
    d = torch.rand(2, 4)
    with pytest.raises(ValueError, match="ratio must lie"):
        calibrate_threshold(d, 0.0)
    with pytest.raises(ValueError, match="at least one received feature"):
        calibrate_threshold(d, 0.5, torch.zeros(2, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="at least one received feature"):
        calibrate_threshold(torch.zeros(0, 4), 0.5)
    with pytest.raises(ValueError, match="got 0 above, 8 not"):
        auroc(d, torch.ones(2, 4))
