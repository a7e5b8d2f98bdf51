"""Tables of a record: a row for each image, each transmission, and each feature that was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from semantic.tasks import TaskOutputs
from simulator.columns import names
from simulator.interactive.recorder import Transmission, admitted_uses, carried_features
from simulator.ledger import Ledger

FEATURES, HISTORY = names("Sent.features"), names("Sent.history")


@dataclass(frozen=True)
class Record:
    """What happened to a batch of images at one SNR with one seed.

    Attributes:
        snr_db: Es/N0 in dB.
        seed: Seed of fading and noise.
        outputs: Task outputs of each image.
        ledger: Costs of each image.
        made: The transmissions.
    """

    snr_db: float
    seed: int
    outputs: TaskOutputs
    ledger: Ledger
    made: tuple[Transmission, ...]


def feature_rows(record: Record, numbers: np.ndarray) -> pd.DataFrame:
    """Returns one row for each feature of each transmission of each image.

    A feature is repeated if an earlier transmission of the image carried it.
    """
    parts = []
    sent: dict[int, set[int]] = {}
    uses = admitted_uses(record.made, record.ledger.channel_uses)
    for one, admitted in zip(record.made, uses, strict=True):
        features = carried_features(one, admitted)
        if features is None:
            continue
        for image, row in zip(one.images.tolist(), features.tolist(), strict=True):
            before = sent.setdefault(image, set())
            carried = [position for position in row if position >= 0]
            parts += [(numbers[image], one.number, p, p in before) for p in carried]
            before.update(carried)
    table = pd.DataFrame(parts, columns=FEATURES[2:])
    types = {name: np.int64 for name in FEATURES[2:5]} | {"repeated": np.bool_}
    return _placed(record, table.astype(types))


def history_rows(
    record: Record, numbers: np.ndarray, classes: tuple[tuple[str, ...], tuple[str, ...]]
) -> pd.DataFrame:
    """Returns one row for each transmission of each image, with the answers after it.

    Args:
        record: The record.
        numbers: [images] int64, numbers of the images.
        classes: Names of the colors and of the types.
    """
    features = feature_rows(record, numbers)
    counts = features.groupby(["image", "transmission"])["repeated"].agg(["size", "sum"])
    uses = admitted_uses(record.made, record.ledger.channel_uses)
    rows: list[dict[str, Any]] = []
    for one, admitted in zip(record.made, uses, strict=True):
        best = [_best(p, of) for p, of in zip((one.color, one.type), classes, strict=True)]
        for row, image in enumerate(one.images.tolist()):
            key = (numbers[image], one.number)
            size, repeated = counts.loc[key] if key in counts.index else (0, 0)
            (color, color_probability), (kind, type_probability) = (task[row] for task in best)
            values = (
                *(int(numbers[image]), one.number, int(admitted[row]), int(size - repeated)),
                *(int(repeated), bool(one.ack[row])),
                *(color, color_probability, kind, type_probability),
            )
            rows.append(dict(zip(HISTORY[2:], values, strict=True)))
    return _placed(record, pd.DataFrame(rows, columns=HISTORY[2:]))


def _best(probabilities: torch.Tensor, classes: tuple[str, ...]) -> list[tuple[str, float]]:
    """Returns the most probable name of each row, and its probability."""
    value, index = probabilities.max(1)
    return [(classes[i], v) for i, v in zip(index.tolist(), value.tolist(), strict=True)]


def _placed(record: Record, table: pd.DataFrame) -> pd.DataFrame:
    """Returns a table with the SNR and the seed of the record in front."""
    at = {"snr_db": record.snr_db, "seed": record.seed}
    return table.assign(**at)[[*at, *table.columns]].reset_index(drop=True)
