"""Labels as the losses take them: identities counted from 0, unknown ones masked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from semantic.data.dataset import VehicleImages


@dataclass(frozen=True)
class Labels:
    """Targets of a batch, each [batch] int64; -1 where unknown."""

    vehicle: Tensor
    color: Tensor
    type: Tensor

    @property
    def columns(self) -> tuple[Tensor, Tensor, Tensor]:
        """The three columns in the order of the constructor."""
        return self.vehicle, self.color, self.type

    @property
    def identities(self) -> int:
        """Number of identities, when the vehicles are counted from 0."""
        return int(self.vehicle.max()) + 1


def training_labels(images: VehicleImages) -> Labels:
    """Labels of a whole training set; its vehicles are renumbered 0, 1, ... (never hard-coded)."""
    _, vehicle = np.unique(images.vehicle, return_inverse=True)
    return Labels(
        torch.from_numpy(vehicle.astype(np.int64)),
        torch.from_numpy(images.color),
        torch.from_numpy(images.type),
    )
