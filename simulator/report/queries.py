"""The best and the worst retrieved queries of a point, with their images."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from semantic.data.dataset import VehicleImages
from semantic.data.images import ImageError, decode
from simulator.report.replay import Replay
from simulator.report.run_files import RunFiles

#: Queries of each kind, gallery images of each, and side of an image in pixels.
SHOWN, RETRIEVED, SIDE = 5, 5, 96


@dataclass(frozen=True)
class ShownImage:
    """An image on the page.

    Attributes:
        source: The image as a data URI.
        text: What it shows.
        right: Whether it shows the query's vehicle; None for the query itself.
    """

    source: str
    text: str
    right: bool | None = None


@dataclass(frozen=True)
class Query:
    """A query with what the receiver found.

    Attributes:
        precision: Average precision in percent.
        image: The query.
        retrieved: The most similar gallery images, the best one first.
        labels: Label and recognized class of color and type.
    """

    precision: float
    image: ShownImage
    retrieved: list[ShownImage]
    labels: str


def chosen_rows(run: RunFiles, scheme: str, snr_db: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns the rows of the best and of the worst queries, at most one of each vehicle."""
    images = run.images
    here = (images["scheme"] == scheme) & (images["snr_db"] == snr_db)
    rows = images[here & (images["seed"] == run.spec.seed)].dropna(subset=["average_precision"])
    rows = rows.sort_values(["average_precision", "image"], kind="stable")
    worst = rows.drop_duplicates("vehicle").head(SHOWN)
    best = rows[::-1].drop_duplicates("vehicle")
    return best[~best["image"].isin(worst["image"])].head(SHOWN), worst


def queries(replay: Replay, scheme: str, snr_db: float) -> dict[str, list[Query]]:
    """Returns the best and the worst queries of a point.

    Raises:
        ValueError: One line, if the point cannot be repeated.
    """
    best, worst = chosen_rows(replay.run, scheme, snr_db)
    numbers = np.concatenate([best["image"], worst["image"]]).astype(np.int64)
    if not len(numbers):
        raise ValueError("no query has a correct image in the gallery")
    ranked = replay.ranked(scheme, snr_db, numbers, RETRIEVED)
    data, found = replay.dataset, []
    row: Any
    for row, places in zip(pd.concat([best, worst]).itertuples(), ranked, strict=True):
        vehicle = data.vehicle[row.image]
        retrieved = [
            ShownImage(thumbnail(data, int(place)), _named(data, int(place)), bool(right))
            for place, right in zip(places, data.vehicle[places] == vehicle, strict=True)
        ]
        image = ShownImage(thumbnail(data, int(row.image)), _named(data, int(row.image)))
        labels = "; ".join(
            f"{task} {label} recognized as {seen}"
            for task, label, seen in (
                ("color", row.color, row.color_predicted),
                ("type", row.type, row.type_predicted),
            )
            if isinstance(label, str)
        )
        labels = labels and f"{labels[0].upper()}{labels[1:]}."
        found.append(Query(100 * float(row.average_precision), image, retrieved, labels))
    return {"best": found[: len(best)], "worst": found[len(best) :]}


def _named(data: VehicleImages, place: int) -> str:
    return f"vehicle {data.vehicle[place]}, camera {data.camera[place]}"


def thumbnail(data: VehicleImages, place: int) -> str:
    """Returns an image as a small JPEG in a data URI; a gray one if it cannot be read."""
    try:
        image = Image.fromarray(decode(data.read(place), data.files[place].name, SIDE))
    except (OSError, ImageError):
        image = Image.new("RGB", (SIDE, SIDE), "gray")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
