"""PK sampling from one set and from two."""

import numpy as np
import pytest

from semantic.training.sampler import PKSampler

VEHICLE = np.repeat(np.arange(30), 3)
EXTRA = VEHICLE >= 20


def test_each_batch_has_its_share_of_the_extra_set() -> None:
    sampler = PKSampler(VEHICLE, 6, 4, seed=1, extra=EXTRA, extra_vehicles=2)
    for step in range(50):
        batch = sampler.batch(step)
        groups = VEHICLE[batch].reshape(6, 4)
        assert (groups == groups[:, :1]).all(), "K images of one vehicle stand together"
        assert len(set(groups[:, 0])) == 6
        assert (groups[:, 0] >= 20).sum() == 2


def test_every_vehicle_of_both_sets_occurs_once_in_a_round() -> None:
    sampler = PKSampler(VEHICLE, 6, 4, seed=1, extra=EXTRA, extra_vehicles=2)
    first = np.concatenate([VEHICLE[sampler.batch(step)][::4] for step in range(5)])
    assert sorted(first) == list(range(30))


def test_without_an_extra_set_nothing_changes() -> None:
    plain = PKSampler(VEHICLE, 6, 4, seed=1)
    none = PKSampler(VEHICLE, 6, 4, seed=1, extra=np.zeros(90, bool), extra_vehicles=0)
    assert all(np.array_equal(plain.batch(i), none.batch(i)) for i in range(9))


@pytest.mark.parametrize(("vehicles", "extra_vehicles", "has"), [(12, 11, 10), (32, 3, 20)])
def test_a_set_that_is_too_small(vehicles: int, extra_vehicles: int, has: int) -> None:
    with pytest.raises(ValueError, match=f"training set has {has}"):
        PKSampler(VEHICLE, vehicles, 4, extra=EXTRA, extra_vehicles=extra_vehicles)
