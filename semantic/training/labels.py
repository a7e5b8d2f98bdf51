"""Labels for the losses: identities counted from 0, unknown labels masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from semantic.data.dataset import UNKNOWN, VehicleImages


@dataclass(frozen=True)
class Labels:
    """Labels of a batch, int64; `UNKNOWN` (-1) where not known.

    Attributes:
        vehicle: Index of the training identity.
        color: Index of the color.
        type: Index of the type.
    """

    vehicle: Int[Tensor, " batch"]
    color: Int[Tensor, " batch"]
    type: Int[Tensor, " batch"]

    @property
    def columns(self) -> tuple[Tensor, Tensor, Tensor]:
        """The labels of the three tasks in the order vehicle, color, type."""
        return self.vehicle, self.color, self.type

    @property
    def identities(self) -> int:
        """Number of identities; the vehicles are counted from 0.

        >>> Labels(torch.tensor([0, 2]), torch.tensor([1, 1]), torch.tensor([-1, 5])).identities
        3
        """
        return int(self.vehicle.max()) + 1


def training_labels(images: VehicleImages) -> Labels:
    """Returns the labels of a whole training set, its vehicles renumbered 0, 1, ..."""
    vehicle = np.full(len(images), UNKNOWN, dtype=np.int64)
    vehicle[images.known] = np.unique(images.vehicle[images.known], return_inverse=True)[1]
    return Labels(
        torch.from_numpy(vehicle),
        torch.from_numpy(images.color),
        torch.from_numpy(images.type),
    )
