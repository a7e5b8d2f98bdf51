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

    Raises:
        ValueError: There are fewer than P vehicles.

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
    ) -> None:
        self._images_of = [np.flatnonzero(vehicle == v) for v in np.unique(vehicle)]
        if len(self._images_of) < vehicles_per_batch:
            raise ValueError(
                f"a batch needs {vehicles_per_batch} vehicles, "
                f"the training set has {len(self._images_of)}"
            )
        self.vehicles_per_batch = vehicles_per_batch
        self.images_per_vehicle = images_per_vehicle
        self.seed = seed
        self._round = len(self._images_of) // vehicles_per_batch

    def batch(self, step: int) -> np.ndarray:
        """Returns the image indices [P K] of a step; a vehicle occurs at most once in each round."""
        order = np.random.default_rng([self.seed, 0, step // self._round]).permutation(
            len(self._images_of)
        )
        start = step % self._round * self.vehicles_per_batch
        rng = np.random.default_rng([self.seed, 1, step])
        picks = []
        for v in order[start : start + self.vehicles_per_batch]:
            images = self._images_of[v]
            few = len(images) < self.images_per_vehicle
            picks.append(rng.choice(images, self.images_per_vehicle, replace=few))
        return np.concatenate(picks)
