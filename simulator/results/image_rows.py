"""The per-image log of one point: labels, predictions, correctness, costs."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from semantic.data.dataset import UNKNOWN, VehicleImages
from semantic.reid import ReidImages, evaluate_reid
from semantic.tasks import TaskOutputs
from simulator.ledger import FALSE_ACK_NAME, Ledger

#: Fields of the ledger that have no column of that name or at that place.
ELSEWHERE = ("reason", "latency_s", "compared", "psnr_db", "ssim")


def image_rows(
    dataset: VehicleImages,
    outputs: TaskOutputs,
    ledger: Ledger,
    reasons: tuple[str, ...],
    held: Tensor | None = None,
    bits_per_use: float = math.inf,
    retransmissions_allowed: int = 0,
    snr_db: float = math.nan,
    source_values: int = 0,
) -> pd.DataFrame:
    """Makes one row per image: labels, predictions, correctness, costs, and why it stopped.

    Query-only columns (`rank1_hit`, `average_precision`) and columns whose label is unknown are
    empty where they do not apply.

    Args:
        dataset: The images.
        outputs: The task outputs of the receiver for each image.
        ledger: The costs of each image.
        reasons: Names of the scheme's reasons to stop.
        held: [images, width] embeddings that a server has of the images themselves: queries are
            then compared with these. None where the gallery has crossed the link too.
        bits_per_use: Price of a feedback or side-information bit in `uses_charged`: 1 /
            `bits_per_use` uses each.
        retransmissions_allowed: The most retransmissions that feedback can request; 0 for a scheme
            without feedback, whose costs the channel cannot change.
        snr_db: Average Es/N0 in dB, for `ebn0_db`; NaN leaves this empty.
        source_values: Source dimension n of an image, for `bandwidth_ratio`; 0 leaves this empty.
    """
    query, gallery = dataset.is_query, ~dataset.is_query
    known = outputs.embedding if held is None else held
    found = evaluate_reid(
        _reid(outputs.embedding, dataset, query), _reid(known, dataset, gallery), remove_junk=True
    )
    rank1 = np.full(len(dataset), np.nan)
    precision = np.full(len(dataset), np.nan)
    rank1[query] = np.where(found.valid.numpy(), found.rank1_hit.numpy(), np.nan)
    precision[query] = found.average_precision.numpy()
    table = answer_rows(
        dataset,
        outputs,
        ledger,
        reasons,
        bits_per_use,
        retransmissions_allowed,
        snr_db,
        source_values,
    )
    place = list(table.columns).index("is_query") + 1
    table.insert(place, "rank1_hit", rank1)
    table.insert(place + 1, "average_precision", precision)
    return table


def answer_rows(
    dataset: VehicleImages,
    outputs: TaskOutputs,
    ledger: Ledger,
    reasons: tuple[str, ...],
    bits_per_use: float,
    retransmissions_allowed: int,
    snr_db: float,
    source_values: int,
) -> pd.DataFrame:
    """Makes the rows of `image_rows` without re-identification, which needs queries and a gallery.

    Args:
        dataset: The images.
        outputs: The task outputs of the receiver for each image.
        ledger: The costs of each image.
        reasons: Names of the scheme's reasons to stop.
        bits_per_use: As for `image_rows`.
        retransmissions_allowed: As for `image_rows`.
        snr_db: As for `image_rows`.
        source_values: As for `image_rows`.
    """
    color, type_ = outputs.color.argmax(1).numpy(), outputs.type.argmax(1).numpy()
    columns: dict[str, Any] = {
        "image": np.arange(len(dataset)),
        "file": [file.name for file in dataset.files],
        "vehicle": dataset.vehicle,
        "camera": dataset.camera,
        "is_query": dataset.is_query,
        "color": _names(dataset.color, dataset.colors),
        "color_predicted": _names(color, dataset.colors),
        "color_correct": _correct(color, dataset.color),
        "type": _names(dataset.type, dataset.types),
        "type_predicted": _names(type_, dataset.types),
        "type_correct": _correct(type_, dataset.type),
        "stopped_by": [(*reasons, FALSE_ACK_NAME)[i] for i in ledger.reason.tolist()],
    }
    columns["retransmissions_allowed"] = retransmissions_allowed
    for field in fields(Ledger):
        if field.name not in ELSEWHERE:
            columns[field.name] = getattr(ledger, field.name).numpy()
    columns["latency_ms"] = 1e3 * ledger.latency_s.numpy()
    control = ledger.feedback_bits + ledger.side_information_bits
    columns["uses_charged"] = (
        ledger.channel_uses + ledger.pilot_uses + control.double() / bits_per_use
    ).numpy()
    columns["bandwidth_ratio"] = ledger.channel_uses.numpy() / (source_values or math.nan)
    columns["ebn0_db"] = snr_db + ratio_db(ledger.energy, ledger.information_bits)
    for name in ("psnr_db", "ssim"):
        columns[name] = getattr(ledger, name).where(ledger.compared, math.nan).numpy()
    return pd.DataFrame(columns)


def ratio_db(energy: Tensor, bits: Tensor) -> np.ndarray:
    """Returns the energy per information bit in dB, [images]; NaN where there is none.

    >>> ratio_db(torch.tensor([8.0, 8.0]).double(), torch.tensor([4, 0])).round(2)
    array([3.01,  nan])
    """
    there = (energy > 0) & (bits > 0)
    found: np.ndarray = (10 * (energy / bits).log10()).where(there, math.nan).numpy()
    return found


def _reid(embedding: Tensor, dataset: VehicleImages, rows: np.ndarray) -> ReidImages:
    index = torch.from_numpy(np.flatnonzero(rows))

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values[rows])

    return ReidImages(embedding[index], column(dataset.vehicle), column(dataset.camera))


def _names(index: np.ndarray, names: tuple[str, ...]) -> list[str | None]:
    return [None if i == UNKNOWN else names[i] for i in index]


def _correct(predicted: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.where(label == UNKNOWN, np.nan, predicted == label)
