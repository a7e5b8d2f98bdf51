"""PK sampling: batches of P vehicles with K images each, a pure function of the step.

Nothing is stored between steps, so a run resumed at step n draws what it would have drawn.
"""

from __future__ import annotations

import numpy as np


class PKSampler:
    """Draws P vehicles x K images for the batch-hard triplet loss (Hermans et al., 2017).

    Args:
        vehicle: [images] identities.
        vehicles_per_batch: P.
        images_per_vehicle: K; a vehicle with fewer images gives some of them twice.
        seed: With the step, all that a batch depends on.

    Raises:
        ValueError: When there are fewer than P vehicles.
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
                f"a batch of {vehicles_per_batch} vehicles was asked for, "
                f"the training set has {len(self._images_of)}"
            )
        self.vehicles_per_batch = vehicles_per_batch
        self.images_per_vehicle = images_per_vehicle
        self.seed = seed
        self._round = len(self._images_of) // vehicles_per_batch

    @property
    def batch_size(self) -> int:
        """P x K."""
        return self.vehicles_per_batch * self.images_per_vehicle

    def batch(self, step: int) -> np.ndarray:
        """Indices [P * K] of batch `step`; a vehicle comes up at most once in each round."""
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
