"""PK sampling: batches of P vehicles with K images each, a pure function of the step.

No state is kept between steps, so that a resumed run draws the same batches.
"""

from __future__ import annotations

import numpy as np


class PKSampler:
    """Draws P vehicles x K images for the batch-hard triplet loss (Hermans et al., 2017).

    Args:
        vehicle: Identity of each image, [images].
        vehicles_per_batch: Number P of vehicles.
        images_per_vehicle: Number K of images; a vehicle with fewer images repeats some.
        seed: Seed; a batch depends on it and on the step alone.
        extra: Images of a second set, [images] bool; None if there is one set.
        extra_vehicles: Vehicles of each batch that come from the second set.

    Raises:
        ValueError: A set has fewer vehicles than a batch takes of it.

    >>> vehicle = np.arange(6) // 2
    >>> vehicle[PKSampler(vehicle, vehicles_per_batch=3, images_per_vehicle=2).batch(0)]
    array([2, 2, 0, 0, 1, 1])
    """

    def __init__(
        self,
        vehicle: np.ndarray,
        vehicles_per_batch: int = 8,
        images_per_vehicle: int = 4,
        seed: int = 0,
        extra: np.ndarray | None = None,
        extra_vehicles: int = 0,
    ) -> None:
        extra = np.zeros(len(vehicle), bool) if extra is None else extra
        self._sets = [
            _VehicleSet(vehicle, chosen, count, [seed, *number])
            for chosen, count, number in (
                (~extra, vehicles_per_batch - extra_vehicles, []),
                (extra, extra_vehicles, [1]),
            )
            if count
        ]
        self.images_per_vehicle = images_per_vehicle
        self.seed = seed

    def batch(self, step: int) -> np.ndarray:
        """Returns the image indices [P K] of a step; a vehicle occurs at most once in each round."""
        rng = np.random.default_rng([self.seed, 1, step])
        picks = []
        for images in (images for part in self._sets for images in part.of_step(step)):
            few = len(images) < self.images_per_vehicle
            picks.append(rng.choice(images, self.images_per_vehicle, replace=few))
        return np.concatenate(picks)


class _VehicleSet:
    """The vehicles of one set, in rounds of random order."""

    def __init__(
        self, vehicle: np.ndarray, chosen: np.ndarray, count: int, seed: list[int]
    ) -> None:
        vehicles = np.unique(vehicle[chosen])
        if len(vehicles) < count:
            raise ValueError(
                f"a batch needs {count} vehicles, the training set has {len(vehicles)}"
            )
        self._images_of = [np.flatnonzero((vehicle == v) & chosen) for v in vehicles]
        self._count, self._seed = count, seed
        self._round = len(vehicles) // count

    def of_step(self, step: int) -> list[np.ndarray]:
        """Returns the images of each vehicle of a step."""
        seed, *number = self._seed
        rng = np.random.default_rng([seed, 0, step // self._round, *number])
        order = rng.permutation(len(self._images_of))
        start = step % self._round * self._count
        return [self._images_of[v] for v in order[start : start + self._count]]
