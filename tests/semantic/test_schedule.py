"""Which feature each use carries: against water-filling in closed form, and its own bookkeeping."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq

from semantic.plus.schedule import LATENT_FEATURES, burst_plan, burst_sizes, feature_weights

SLOTS = [(0.25, 15), (0.63, 33), (6.3, 134), (1.0, 1), (0.25, 1024)]


def weighted_error(counts: NDArray[np.float64], snr: float) -> float:
    """What is left after `counts` uses of each feature, the first slot's prior being 1."""
    return float((feature_weights() / (1 + 2 * snr * counts)).sum())


def water_filling(snr: float, B: int) -> NDArray[np.float64]:
    """The best division of B uses, fractions allowed: 1 + 2 snr n_k = sqrt(2 snr importance / nu)."""

    def uses(nu: float) -> NDArray[np.float64]:
        return np.maximum(np.sqrt(feature_weights() * 2 * snr / nu) - 1, 0) / (2 * snr)

    nu = brentq(lambda log_nu: uses(np.exp(log_nu)).sum() - B, -60, 20)
    return uses(float(np.exp(nu)))


@pytest.mark.parametrize(("snr", "B"), SLOTS)
def test_first_slot_is_water_filling_in_whole_uses(snr: float, B: int) -> None:
    counts = np.bincount(burst_plan(snr, (B,), 0).position.numpy(), minlength=LATENT_FEATURES)
    assert counts.sum() == B
    bound = weighted_error(water_filling(snr, B), snr)
    found = weighted_error(counts.astype(float), snr)
    assert bound <= found + 1e-9
    # No use is better anywhere else: moving one never lowers the error (the problem is convex).
    for k in np.flatnonzero(counts):
        for other in range(LATENT_FEATURES):
            moved = counts.astype(float)
            moved[k] -= 1
            moved[other] += 1
            assert weighted_error(moved, snr) >= found - 1e-12


def test_many_uses_reach_the_bound() -> None:
    counts = np.bincount(burst_plan(0.05, (4096,), 0).position.numpy(), minlength=LATENT_FEATURES)
    bound = weighted_error(water_filling(0.05, 4096), 0.05)
    assert weighted_error(counts.astype(float), 0.05) == pytest.approx(bound, rel=2e-3)


@pytest.mark.parametrize("bits", [0, 1, 3])
@pytest.mark.parametrize(("snr", "B"), SLOTS)
def test_carriers_say_what_positions_say(snr: float, B: int, bits: int) -> None:
    for count in range(1, 4):
        plan = burst_plan(snr, (B,) * count, bits)
        assert plan.position.shape == (B,)
        for k in range(LATENT_FEATURES):
            here = (plan.position == k).nonzero().flatten()
            mine = plan.uses_of_feature[k][plan.uses_of_feature[k] < B]
            assert torch.equal(mine, here)
            assert bool(plan.sent[k]) == (len(here) > 0)


@pytest.mark.parametrize(("snr", "B"), SLOTS[:3])
def test_without_estimates_the_features_themselves_are_sent(snr: float, B: int) -> None:
    for count in range(1, 5):
        plan = burst_plan(snr, (B,) * count, 0)
        assert torch.equal(plan.innovation_deviation, torch.ones(LATENT_FEATURES))
    # and all slots together are one long slot
    together = np.bincount(burst_plan(snr, (4 * B,), 0).position.numpy(), minlength=LATENT_FEATURES)
    parts = [burst_plan(snr, (B,) * (t + 1), 0).position.numpy() for t in range(4)]
    assert np.array_equal(np.bincount(np.concatenate(parts), minlength=LATENT_FEATURES), together)


def test_finer_estimates_leave_less_to_send() -> None:
    left = [
        burst_plan(0.63, (33,) * 4, bits).innovation_deviation.square().mean()
        for bits in (0, 1, 2, 4)
    ]
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.5 < left[0] == 1


@pytest.mark.parametrize("B", [1, 2, 15, 134])
@pytest.mark.parametrize("bursts", [1, 2, 5])
def test_bursts_make_up_the_slot(B: int, bursts: int) -> None:
    sizes = burst_sizes(B, bursts)
    assert sum(sizes) == B
    assert len(sizes) == min(B, bursts)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    "bad", [(0.0, (15,), 1), (1.0, (15, 0), 1), (1.0, (), 1), (1.0, (15,), -1)]
)
def test_bursts_that_are_none_are_refused(bad: tuple[float, tuple[int, ...], int]) -> None:
    with pytest.raises(ValueError, match="a burst needs SNR > 0, at least one use"):
        burst_plan(*bad)
