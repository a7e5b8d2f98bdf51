"""Body lengths of the nine vehicle types, and the draw of one vehicle's lengths."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from semantic.data.synthetic.difficulty import PART_SPREAD, PROPORTION_SPREAD


@dataclass(frozen=True)
class Proportions:
    """Lengths of one body, in meters. The length behind the rear window is the deck or load bed.

    Attributes:
        length_m: Length.
        width_m: Width.
        height_m: Height.
        clearance_m: Ground clearance.
        belt_m: Height of the lower edge of the windows.
        nose_m: Height of the front edge of the hood.
        hood_m: Length from the nose to the foot of the windscreen.
        screen_run_m: Horizontal extent of the windscreen.
        cabin_m: Length of the roof.
        rear_run_m: Horizontal extent of the rear window.
        wheel_radius_m: Radius of the wheels.
        front_overhang_m: Distance from the nose to the front axle.
        rear_overhang_m: Distance from the rear axle to the rear end.
        roof_width: Width of the roof as a share of `width_m`.
        windows: Number of side windows.
        load_height_m: Height of a truck's cargo box.
    """

    length_m: float
    width_m: float
    height_m: float
    clearance_m: float
    belt_m: float
    nose_m: float
    hood_m: float
    screen_run_m: float
    cabin_m: float
    rear_run_m: float
    wheel_radius_m: float
    front_overhang_m: float
    rear_overhang_m: float
    roof_width: float
    windows: int
    load_height_m: float = 0.0


# In the order of the fields; the second row starts with the wheels.
_MEAN = {
    "sedan": Proportions(
        4.70, 1.82, 1.46, 0.18, 0.93, 0.70, 1.15, 0.80, 1.15, 0.80,
        0.33, 0.90, 1.00, 0.76, 2,
    ),
    "suv": Proportions(
        4.60, 1.92, 1.85, 0.30, 1.16, 0.98, 1.15, 0.50, 2.63, 0.26,
        0.41, 0.85, 0.85, 0.82, 3,
    ),
    "van": Proportions(
        5.10, 1.92, 2.30, 0.22, 1.25, 0.95, 0.42, 0.62, 3.96, 0.07,
        0.34, 0.85, 1.00, 0.90, 1,
    ),
    "hatchback": Proportions(
        3.80, 1.70, 1.52, 0.17, 0.95, 0.74, 0.85, 0.70, 1.70, 0.45,
        0.31, 0.70, 0.62, 0.78, 2,
    ),
    "mpv": Proportions(
        4.95, 1.88, 1.86, 0.18, 1.02, 0.80, 0.55, 1.20, 2.93, 0.22,
        0.34, 0.90, 0.95, 0.80, 3,
    ),
    "pickup": Proportions(
        5.35, 1.92, 1.82, 0.30, 1.14, 0.98, 1.25, 0.55, 1.30, 0.15,
        0.41, 0.90, 1.20, 0.82, 2,
    ),
    "bus": Proportions(
        10.5, 2.50, 3.15, 0.32, 1.40, 1.20, 0.05, 0.20, 10.1, 0.10,
        0.50, 2.50, 2.90, 0.96, 7,
    ),
    "truck": Proportions(
        6.80, 2.25, 2.25, 0.45, 1.35, 1.15, 0.10, 0.35, 1.15, 0.05,
        0.45, 1.00, 1.70, 0.90, 1, 3.0,
    ),
    "estate": Proportions(
        4.85, 1.82, 1.48, 0.17, 0.93, 0.70, 1.15, 0.75, 2.35, 0.55,
        0.33, 0.90, 1.05, 0.77, 3,
    ),
}  # fmt: skip


def sample_proportions(rng: np.random.Generator, kind: str) -> Proportions:
    """Draws the lengths of one model, each within a few percent of its type's mean."""
    mean = _MEAN[kind]
    whole, part = PROPORTION_SPREAD, PART_SPREAD
    along, across, up = (1 + rng.uniform(-s, s) for s in (whole, 0.6 * whole, 0.75 * whole))
    scale = {"width_m": across, "roof_width": 1.0, "wheel_radius_m": 1 + rng.uniform(-part, part)}
    scale |= dict.fromkeys(("height_m", "clearance_m", "belt_m", "nose_m", "load_height_m"), up)
    scale["belt_m"] *= 1 + rng.uniform(-0.5 * part, 0.5 * part)
    scale["nose_m"] *= 1 + rng.uniform(-part, part)
    drawn = {
        field.name: getattr(mean, field.name) * scale.get(field.name, along)
        for field in fields(mean)
        if field.name != "windows"
    }
    drawn["nose_m"] = min(drawn["nose_m"], drawn["belt_m"] - 0.08)
    drawn["roof_width"] = min(0.97, mean.roof_width * (1 + rng.uniform(-0.6 * part, 0.6 * part)))
    for front, rear in (("hood_m", "cabin_m"), ("screen_run_m", "cabin_m")):
        shift = 2 * rng.uniform(-part, part) * drawn[front]
        drawn[front] += shift
        drawn[rear] -= shift
    shift = 2 * rng.uniform(-part, part) * drawn["rear_run_m"]
    drawn["rear_run_m"] += shift
    drawn["cabin_m"] -= shift
    for overhang in ("front_overhang_m", "rear_overhang_m"):
        drawn[overhang] *= 1 + rng.uniform(-part, part)
    if kind == "truck":
        drawn["load_height_m"] *= rng.choice([0.62, 1.0], p=[0.35, 0.65])
    lengths: dict[str, Any] = {name: float(value) for name, value in drawn.items()}
    return replace(mean, **lengths)
