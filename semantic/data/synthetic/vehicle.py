"""The specification of a vehicle, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

from semantic.data.dataset import COLORS
from semantic.data.synthetic.livery import Mark, Stripe, contrasting, sample_marks, sample_stripes
from semantic.data.synthetic.paint import Rgb, sample_paint
from semantic.data.synthetic.proportions import Proportions, sample_proportions
from semantic.suggest import nearest

# Shares in percent. Black, white and gray make up about three quarters, as among the query vehicles
# of VeRi-776. Rare types have few colors, so that color and type together identify few vehicles.
_TYPES_ON_THE_ROAD = {
    "sedan": 42.0, "suv": 16.0, "hatchback": 13.0, "van": 8.0, "mpv": 5.0,
    "truck": 4.5, "pickup": 4.0, "bus": 4.0, "estate": 3.5,
}  # fmt: skip
# Every type is frequent in training: from 20 vehicles a network learns stickers, not the shape.
_TYPES_IN_TRAINING = {
    "sedan": 17.0, "suv": 15.0, "hatchback": 14.0, "mpv": 12.0, "pickup": 11.0,
    "estate": 11.0, "van": 8.0, "bus": 6.0, "truck": 6.0,
}  # fmt: skip
_COLOR_SHARE = {
    "sedan": {"black": 27, "gray": 22, "white": 21, "red": 7, "blue": 6, "golden": 5,
              "yellow": 4, "orange": 4, "green": 4},
    "suv": {"black": 36, "white": 34, "gray": 18, "brown": 12},
    "hatchback": {"white": 45, "gray": 30, "blue": 25},
    "van": {"white": 65, "gray": 35},
    "mpv": {"black": 100},
    "pickup": {"white": 100},
    "bus": {"white": 100},
    "truck": {"white": 60, "blue": 40},
    "estate": {"black": 100},
}  # fmt: skip


@dataclass(frozen=True)
class Population:
    """A set of vehicles drawn together.

    Attributes:
        first: Number of its first vehicle; the others follow.
        count: Default number of vehicles.
        most: Largest number of vehicles; further numbers belong to another population.
        types: Share of each type in percent.
        any_color: Share of each type that is spread over all ten colors instead of its own.
        stream: Part of the seed, different for each population.
    """

    first: int
    count: int
    most: int
    types: dict[str, float]
    any_color: float
    stream: int


POPULATIONS = {
    # The colors reveal little about the type: a network must not learn that buses are white.
    "train": Population(1001, 1000, 8999, _TYPES_IN_TRAINING, 0.4, stream=2),
    "test": Population(577, 104, 424, _TYPES_ON_THE_ROAD, 0.0, stream=1),
    # Vehicles in the background of other vehicles' images.
    "extras": Population(1, 36, 576, _TYPES_ON_THE_ROAD, 0.2, stream=0),
}


@dataclass(frozen=True)
class Vehicle:
    """One vehicle; colors are linear RGB in [0, 1].

    The axes are x forward, y left and z up; the origin lies on the ground below the middle.

    Attributes:
        number: Identity.
        type: Name of the type.
        color: Name of the paint class.
        proportions: Lengths of the body.
        paint: Color of the body.
        roof: Color of the roof.
        trim: Color of sills and cladding.
        bumper: Color of the bumpers.
        glass: Color of the windows.
        rim: Color of the rims.
        spokes: Number of spokes of a rim.
        rim_style: Style of the rims, 0 to 2.
        lamp_front: Height and lower edge of the headlights as shares of the body, and their style.
        lamp_rear: The same of the tail lights.
        roof_load: "none", "rails", "box", "lights" or "cooler".
        roof_load_rgb: Color of the roof load.
        spare_wheel: Whether a spare wheel hangs at the rear.
        marks: Stickers and damaged patches.
        stripes: Bands.
        dirt: Amount of dirt, in [0, 1].
        plate: Color of the number plate.
        plate_glyph: Color of the pattern on the number plate.
        plate_seed: Seed of that pattern.
    """

    number: int
    type: str
    color: str
    proportions: Proportions
    paint: Rgb
    roof: Rgb
    trim: Rgb
    bumper: Rgb
    glass: Rgb
    rim: Rgb
    spokes: int
    rim_style: int
    lamp_front: tuple[float, float, float]
    lamp_rear: tuple[float, float, float]
    roof_load: str
    roof_load_rgb: Rgb
    spare_wheel: bool
    marks: tuple[Mark, ...]
    stripes: tuple[Stripe, ...]
    dirt: float
    plate: Rgb
    plate_glyph: Rgb
    plate_seed: float


def joint_share(population: str) -> dict[tuple[str, str], float]:
    """Returns the share of every (color, type) in a population; the shares sum to one."""
    types, spread = POPULATIONS[population].types, POPULATIONS[population].any_color
    share = {}
    for kind, weight in types.items():
        total = sum(_COLOR_SHARE[kind].values())
        for color in COLORS:
            special = _COLOR_SHARE[kind].get(color, 0) / total
            share[color, kind] = weight / 100 * ((1 - spread) * special + spread / len(COLORS))
    return share


def _quota(population: str, count: int) -> list[tuple[str, str]]:
    """Returns the labels of `count` vehicles with the joint shares, by largest remainder."""
    share = joint_share(population)
    exact = {label: count * value for label, value in share.items()}
    whole = {label: int(value) for label, value in exact.items()}
    by_remainder = sorted(exact, key=lambda label: exact[label] - whole[label], reverse=True)
    for label in by_remainder[: count - sum(whole.values())]:
        whole[label] += 1
    return [label for label in sorted(whole) for _ in range(whole[label])]


def sample_vehicles(seed: int, population: str, count: int | None = None) -> list[Vehicle]:
    """Draws the vehicles of a population.

    Args:
        seed: Seed of the data set.
        population: "train", "test" or "extras".
        count: Number of vehicles; None means the population's default.

    Returns:
        Vehicles with consecutive numbers; different populations have different numbers.

    Raises:
        ValueError: The population is unknown, or the count is not possible.

    >>> [vehicle.number for vehicle in sample_vehicles(0, "test", 3)]
    [577, 578, 579]
    """
    if population not in POPULATIONS:
        raise ValueError(f"split is {population!r}; {nearest(population, POPULATIONS)}")
    drawn_from = POPULATIONS[population]
    count = drawn_from.count if count is None else count
    if not 1 <= count <= drawn_from.most:
        raise ValueError(f"{population} has 1 to {drawn_from.most} vehicles, got {count}")
    labels = _quota(population, count)
    order = np.random.default_rng([seed, drawn_from.stream, 1]).permutation(count)
    return [sample_vehicle(seed, drawn_from.first + i, *labels[j]) for i, j in enumerate(order)]


def sample_vehicle(seed: int, number: int, color: str, kind: str) -> Vehicle:
    """Draws one vehicle of a given color and type."""
    rng = np.random.default_rng([seed, 2, number])
    proportions = sample_proportions(rng, kind)
    paint = sample_paint(rng, color)
    accents = contrasting(rng, paint, 6)
    two_tone = kind not in ("bus", "truck", "van") and rng.random() < 0.22
    load = _sample_roof_load(rng, kind)
    dark = float(rng.uniform(0.008, 0.03))
    bright = float(rng.uniform(0.3, 0.7))
    tint = rng.uniform(0.005, 0.05) * np.array([rng.uniform(0.8, 1.1), 1.0, rng.uniform(0.9, 1.5)])
    rim_choice = rng.random()
    rim = (bright,) * 3 if rim_choice < 0.45 else ((dark,) * 3 if rim_choice < 0.65 else accents[3])
    plate, glyph = _sample_plate(rng)
    return Vehicle(
        number=number,
        type=kind,
        color=color,
        proportions=proportions,
        paint=paint,
        roof=(accents[4] if rng.random() < 0.5 else _black_or_white(paint)) if two_tone else paint,
        trim=(dark,) * 3,
        bumper=paint if rng.random() < 0.6 else (float(rng.uniform(0.02, 0.12)),) * 3,
        glass=(float(tint[0]), float(tint[1]), float(tint[2])),
        rim=rim,
        spokes=int(rng.integers(3, 11)),
        rim_style=int(rng.integers(0, 3)),
        lamp_front=(
            float(rng.uniform(0.10, 0.22)),
            float(rng.uniform(0.42, 0.68)),
            float(rng.random()),
        ),
        lamp_rear=(
            float(rng.uniform(0.10, 0.34)),
            float(rng.uniform(0.45, 0.78)),
            float(rng.random()),
        ),
        roof_load=load,
        roof_load_rgb=accents[5],
        spare_wheel=kind == "suv" and rng.random() < 0.35,
        marks=sample_marks(rng, proportions, kind, accents),
        stripes=sample_stripes(rng, proportions, kind, accents),
        dirt=float(rng.uniform(0.0, 0.55)) if rng.random() < 0.5 else 0.0,
        plate=plate,
        plate_glyph=glyph,
        plate_seed=float(rng.uniform(1.0, 50.0)),
    )


def _black_or_white(paint: Rgb) -> Rgb:
    return (0.015, 0.015, 0.017) if sum(paint) > 0.5 else (0.75, 0.75, 0.75)


def _sample_roof_load(rng: np.random.Generator, kind: str) -> str:
    if kind in ("truck", "pickup"):
        return "lights" if rng.random() < 0.4 else "none"
    if kind == "bus":
        return "cooler"
    if kind == "estate":
        return "rails" if rng.random() < 0.6 else "box"
    weights = {
        "sedan": (0.75, 0.05, 0.13, 0.07),
        "hatchback": (0.7, 0.1, 0.15, 0.05),
        "suv": (0.35, 0.4, 0.25, 0),
    }
    share = weights.get(kind, (0.55, 0.25, 0.1, 0.1))
    return str(rng.choice(["none", "rails", "box", "lights"], p=share))


def _sample_plate(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    plates: list[tuple[Rgb, Rgb]] = [
        ((0.03, 0.10, 0.55), (0.8, 0.8, 0.8)),
        ((0.75, 0.55, 0.02), (0.02, 0.02, 0.02)),
        ((0.75, 0.75, 0.75), (0.02, 0.02, 0.3)),
        ((0.05, 0.40, 0.10), (0.8, 0.8, 0.8)),
        ((0.02, 0.02, 0.02), (0.75, 0.70, 0.1)),
    ]
    return plates[int(rng.choice(5, p=[0.4, 0.2, 0.2, 0.1, 0.1]))]
