"""From per-image rows to sums per vehicle, training and seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from semantic.metrics.image_quality import EQUAL_DB
from simulator.results.intervals import Array, Spread, Vehicles

Codes = NDArray[np.int64]

#: Values that differ by less than this share of the possible range count as equal: rounding, and
#: differences too small to tell how often large ones occur.
ALIKE = 0.005
#: Metrics that the image alone decides, whatever the channel does.
FIXED = ("information_bits",)
#: Metrics of received images, with the least and the largest value that they can have.
LIMITS = {"psnr_db": (0.0, EQUAL_DB), "ssim": (-1.0, 1.0)}


@dataclass(frozen=True)
class Items:
    """Values of one metric, by image, training and seed.

    Attributes:
        values: [images, trainings, seeds].
        vehicle: [images] number of the vehicle of each image, from 0 on without gaps.
    """

    values: Array
    vehicle: Codes

    @property
    def vehicles(self) -> int:
        """The number of vehicles."""
        return int(self.vehicle.max(initial=-1)) + 1

    def by_vehicle(self, values: Array) -> Array:
        """Sums of [images, trainings, seeds] over the images of each vehicle."""
        images, *levels = values.shape
        columns = values.reshape(images, -1).T
        sums = [np.bincount(self.vehicle, column, self.vehicles) for column in columns]
        found: Array = np.stack(sums, axis=1).reshape(self.vehicles, *levels).astype(float)
        return found

    def sums(self) -> Vehicles:
        """The sums of the values, and how many images there are."""
        return Vehicles(self.by_vehicle(self.values), self.by_vehicle(np.ones((len(self), 1, 1))))

    def spread(self, least: float | None = None, most: float | None = None) -> Spread:
        """How the values of single images lie.

        Args:
            least: The least value that an image could have had; None for a value that is fixed by
                construction.
            most: The largest one.
        """
        each = self.values.mean((1, 2))
        low, high = float(each.min()), float(each.max())
        least = low if least is None else min(low, least)
        most = high if most is None else max(high, most)
        distance = np.abs(self.values - np.median(self.values))
        distance[distance <= ALIKE * (most - least)] = 0
        moved = self.by_vehicle(distance).mean((1, 2))
        variance = self.values.var()
        ends = [np.asarray(bound) for bound in (low, high, variance)]
        return Spread(ends[0], ends[1], ends[2], moved, np.asarray(least), np.asarray(most))

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Grouping:
    """Which row is which image, vehicle, training and seed.

    Attributes:
        image: [rows] number of the image.
        training: [rows] number of the training.
        seed: [rows] number of the seed.
        vehicle: [images] label of the vehicle.
        shape: Images, trainings, seeds.
    """

    image: Codes
    training: Codes
    seed: Codes
    vehicle: Codes
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Grouping:
        """The grouping of the per-image rows of one scheme at one SNR.

        Args:
            rows: Rows with a column "image", and "vehicle", "seed" and "training" where they have
                them. An image without a vehicle, or with a negative one (unknown), counts as the
                only image of a vehicle.
        """
        images, first, image = np.unique(rows["image"], return_index=True, return_inverse=True)
        trainings, training = _numbers(rows, "training")
        seeds, seed = _numbers(rows, "seed")
        alone = -1 - np.arange(len(images))
        vehicle = alone
        if "vehicle" in rows:
            given = rows["vehicle"].to_numpy()[first]
            vehicle = np.where(given >= 0, given, alone)
        return cls(image, training, seed, vehicle, (len(images), trainings, seeds))

    def items(self, values: pd.Series) -> Items:
        """Values by image, training and seed; images without a value are left out.

        Where some images have a value under a part of the trainings and seeds only, each image has
        its mean, [images, 1, 1]. The interval then covers vehicles alone.

        Args:
            values: A number for each row, NaN for none.
        """
        table = np.full(self.shape, np.nan)
        table[self.image, self.training, self.seed] = values.astype(float)
        there = ~np.isnan(table).all((1, 2))
        table = table[there]
        if np.isnan(table).any():
            table = np.nanmean(table, axis=(1, 2), keepdims=True)
        return Items(table, np.unique(self.vehicle[there], return_inverse=True)[1])


def _numbers(rows: pd.DataFrame, column: str) -> tuple[int, Codes]:
    """How many different entries a column has, and the number of each; one without the column."""
    if column not in rows:
        return 1, np.zeros(len(rows), np.int64)
    found, codes = np.unique(rows[column], return_inverse=True)
    return max(1, len(found)), codes


def cost_bounds(rows: pd.DataFrame, metric: str) -> tuple[float, float] | tuple[None, None]:
    """The least and the largest cost that an image could have had, or None and None if it is fixed.

    Without feedback (`retransmissions_allowed` is 0) the channel does not change the cost of an
    image: it is fixed by construction. With feedback each image could have stopped after one
    transmission, or used all that are allowed. An older log without that column is taken to allow
    as many as it shows, and at least one retransmission. Delivered bits lie between none and all,
    and the quality of a received image within `LIMITS`.

    Args:
        rows: Per-image rows of one scheme at one SNR.
        metric: A cost, in one transmission about 1 / transmissions of the whole.
    """
    sent = rows["transmissions"].to_numpy(float) if "transmissions" in rows else np.ones(len(rows))
    if metric in LIMITS:
        return LIMITS[metric]
    if metric == "delivered_bits":
        return 0.0, float(rows["information_bits"].max())
    if "retransmissions_allowed" in rows:
        allowed = float(rows["retransmissions_allowed"].max())
    else:
        allowed = max(1.0, sent.max(initial=1.0) - 1)
    if allowed == 0 or metric in FIXED:
        return None, None
    slots = rows["slots"].to_numpy(float) if "slots" in rows else sent
    costs = rows[metric].to_numpy(float)
    most = (allowed + 1) * costs / np.maximum(1.0, np.minimum(sent, slots))
    return float((costs / np.maximum(1.0, np.maximum(sent, slots))).min()), float(most.max())
