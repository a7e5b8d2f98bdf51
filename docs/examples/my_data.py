"""Images of one's own: cars/annotations.json beside this file says what is on them."""

import json
from pathlib import Path

from semantic.data.dataset import COLORS, TYPES, UNKNOWN, ImageFile, VehicleImages

CARS = Path(__file__).parent / "cars"


def label(name, names):
    """Color and type may be unknown; such an image counts for re-identification alone."""
    return names.index(name) if name in names else UNKNOWN


def cars(split):
    """What --data names: a function of the split, "test" or "train"."""
    rows = json.loads((CARS / "annotations.json").read_text())
    rows = [row for row in rows if (row["use"] == "train") == (split == "train")]
    return VehicleImages(
        name="cars",
        files=tuple(ImageFile(row["file"], CARS / row["file"]) for row in rows),
        vehicle=[row["car"] for row in rows],
        camera=[row["camera"] for row in rows],
        color=[label(row["color"], COLORS) for row in rows],
        type=[label(row["type"], TYPES) for row in rows],
        is_query=[row["use"] == "query" for row in rows],
    )
