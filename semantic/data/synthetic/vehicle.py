"""The specification of a vehicle, drawn from a seed."""

from dataclasses import dataclass

import numpy as np

from semantic.data.synthetic.difficulty import (
    DIRT_MOST,
    DIRTY_SHARE,
    FAMILY_SIZE_ODDS,
    FAMILY_SIZES,
    OWN_WHEELS_SHARE,
    PLATE_CONTRAST,
    UNMARKED_SHARE,
)
from semantic.data.synthetic.livery import (
    Mark,
    Stripe,
    contrasting,
    sample_damage,
    sample_marks,
    sample_stripes,
)
from semantic.data.synthetic.model import Model, sample_model
from semantic.data.synthetic.paint import Rgb
from semantic.data.synthetic.populations import population_of, sample_labels
from semantic.data.synthetic.proportions import Proportions


@dataclass(frozen=True)
class Vehicle:
    """One vehicle; colors are linear RGB in [0, 1].

    The axes are x forward, y left and z up; the origin lies on the ground below the middle.

    Attributes:
        number: Identity.
        family: Number that the vehicles of a family share; that of the vehicle if it has none.
        type: Name of the type.
        color: Name of the paint class.
        model: Properties that the vehicles of a family share.
        glass: Color of the windows.
        rear_glass: Color of the windows behind the front doors.
        rim: Color of the rims.
        spokes: Number of spokes of a rim.
        rim_style: Style of the rims, 0 to 2.
        roof_load: "none", "rails", "box", "lights" or "cooler".
        roof_load_rgb: Color of the roof load.
        spare_wheel: Whether a spare wheel hangs at the rear.
        spoiler: Whether a spoiler stands on the rear edge of deck or roof.
        sunroof: Length of the glass in the roof in meters; 0 for none.
        marks: Stickers; empty for a vehicle without marks.
        stripes: Bands; empty for a vehicle without marks.
        damage: Scratches, and panels in a differing shade.
        dirt: Amount of dirt, in [0, 1].
        dirt_reach: Height of the dirt as a share of the body.
        dirt_rgb: Color of the dirt.
        plate: Color of the number plate.
        plate_glyph: Color of the pattern on the number plate.
        plate_seed: Seed of that pattern.
    """

    number: int
    family: int
    type: str
    color: str
    model: Model
    glass: Rgb
    rear_glass: Rgb
    rim: Rgb
    spokes: int
    rim_style: int
    roof_load: str
    roof_load_rgb: Rgb
    spare_wheel: bool
    spoiler: bool
    sunroof: float
    marks: tuple[Mark, ...]
    stripes: tuple[Stripe, ...]
    damage: tuple[Mark, ...]
    dirt: float
    dirt_reach: float
    dirt_rgb: Rgb
    plate: Rgb
    plate_glyph: Rgb
    plate_seed: float

    @property
    def proportions(self) -> Proportions:
        """Lengths of the body."""
        return self.model.proportions


def sample_vehicles(seed: int, population: str, count: int | None = None) -> list[Vehicle]:
    """Draws the vehicles of a population.

    Args:
        seed: Seed of the data set.
        population: "train", "validation", "test", "large" or "extras".
        count: Number of vehicles; None means the population's default.

    Returns:
        Vehicles with consecutive numbers; different populations have different numbers.

    Raises:
        ValueError: The population is unknown, or the count is not possible.

    >>> [vehicle.number for vehicle in sample_vehicles(0, "test", 3)]
    [601, 602, 603]
    """
    drawn_from, count = population_of(population, count)
    rng = np.random.default_rng([seed, drawn_from.stream, 1])
    sizes = _sample_family_sizes(rng, count, drawn_from.families)
    labels = sample_labels(rng, population, len(sizes))
    family_of = np.repeat(rng.permutation(len(sizes)), sizes)
    numbers = drawn_from.first + rng.permutation(count)
    label_of, name_of = {}, {}
    for family in range(len(sizes)):
        members = sorted(int(n) for n in numbers[family_of == family])
        for number in members:
            label_of[number], name_of[number] = labels[family], members[0]
    return [sample_vehicle(seed, n, *label_of[n], name_of[n]) for n in sorted(label_of)]


def _sample_family_sizes(rng: np.random.Generator, count: int, share: float) -> list[int]:
    """Draws the sizes of the families of `count` vehicles; 1 is a vehicle without a family."""
    sizes: list[int] = []
    while (left := round(share * count) - sum(sizes)) > 1:
        sizes.append(min(left, int(rng.choice(FAMILY_SIZES, p=FAMILY_SIZE_ODDS))))
    sizes += [1] * (count - sum(sizes))
    return sizes


def sample_vehicle(
    seed: int, number: int, color: str, kind: str, family: int | None = None
) -> Vehicle:
    """Draws one vehicle of a given color and type; the vehicles of a family share their model."""
    family = number if family is None else family
    model = sample_model(np.random.default_rng([seed, 8, family]), color, kind)
    rng = np.random.default_rng([seed, 2, number])
    unmarked = rng.random() < UNMARKED_SHARE[kind]
    accents = contrasting(rng, model.paint, 6)
    p = model.proportions
    glass, rear_glass = _sample_glass(rng)
    own_wheels = rng.random() < OWN_WHEELS_SHARE
    plate, glyph = _sample_plate(rng)
    marks = () if unmarked else sample_marks(rng, p, kind, accents)
    return Vehicle(
        number=number,
        family=family,
        type=kind,
        color=color,
        model=model,
        glass=glass,
        rear_glass=rear_glass,
        rim=_sample_rim(rng),
        spokes=int(rng.integers(4, 13)) if own_wheels else model.spokes,
        rim_style=int(rng.integers(0, 3)) if own_wheels else model.rim_style,
        roof_load=_sample_roof_load(rng, kind),
        roof_load_rgb=_sample_load_rgb(rng, accents[5]),
        spare_wheel=kind == "suv" and rng.random() < 0.25,
        spoiler=kind in ("sedan", "hatchback", "suv", "estate") and rng.random() < 0.25,
        sunroof=_sample_sunroof(rng, kind),
        marks=marks,
        stripes=() if unmarked else sample_stripes(rng, p, kind, accents, needed=not marks),
        damage=sample_damage(rng, p, model.paint),
        dirt=float(rng.uniform(0.15, DIRT_MOST)) if rng.random() < DIRTY_SHARE else 0.0,
        dirt_reach=float(rng.uniform(0.25, 0.8)),
        dirt_rgb=_sample_dirt_rgb(rng),
        plate=plate,
        plate_glyph=glyph,
        plate_seed=float(rng.uniform(1.0, 50.0)),
    )


def _sample_glass(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    """Draws the tint of the front and of the rear windows."""
    r, g, b = float(rng.uniform(0.85, 1.1)), 1.0, float(rng.uniform(0.9, 1.35))
    front = float(np.exp(rng.uniform(np.log(0.012), np.log(0.09))))
    rear = front * (float(rng.uniform(0.15, 0.4)) if rng.random() < 0.35 else 1.0)
    return (front * r, front * g, front * b), (rear * r, rear * g, rear * b)


def _sample_rim(rng: np.random.Generator) -> Rgb:
    level = float(rng.choice([rng.uniform(0.30, 0.65), rng.uniform(0.10, 0.22), 0.015],
                             p=[0.6, 0.2, 0.2]))  # fmt: skip
    return (level, level, level * float(rng.uniform(0.95, 1.05)))


def _sample_sunroof(rng: np.random.Generator, kind: str) -> float:
    if kind not in ("sedan", "suv", "hatchback", "mpv", "estate") or rng.random() > 0.35:
        return 0.0
    return float(rng.choice([0.55, 1.25]))


def _sample_dirt_rgb(rng: np.random.Generator) -> Rgb:
    light = float(rng.uniform(0.6, 1.5))
    return (0.17 * light, 0.14 * light, 0.11 * light * float(rng.uniform(0.8, 1.1)))


def _sample_load_rgb(rng: np.random.Generator, accent: Rgb) -> Rgb:
    level = float(rng.choice([0.02, 0.12, 0.35, 0.7]))
    return accent if rng.random() < 0.1 else (level, level, level)


def _sample_roof_load(rng: np.random.Generator, kind: str) -> str:
    if kind in ("truck", "pickup"):
        return "lights" if rng.random() < 0.3 else "none"
    if kind == "bus":
        return "cooler"
    weights = {
        "sedan": (0.80, 0.04, 0.06, 0.10),
        "hatchback": (0.78, 0.10, 0.09, 0.03),
        "suv": (0.40, 0.46, 0.14, 0.0),
        "estate": (0.15, 0.62, 0.23, 0.0),
    }
    share = weights.get(kind, (0.60, 0.30, 0.08, 0.02))
    return str(rng.choice(["none", "rails", "box", "lights"], p=share))


def _sample_plate(rng: np.random.Generator) -> tuple[Rgb, Rgb]:
    plates: list[tuple[Rgb, Rgb]] = [
        ((0.03, 0.10, 0.55), (0.8, 0.8, 0.8)),
        ((0.75, 0.55, 0.02), (0.02, 0.02, 0.02)),
        ((0.75, 0.75, 0.75), (0.02, 0.02, 0.10)),
        ((0.05, 0.40, 0.10), (0.8, 0.8, 0.8)),
    ]
    plate, glyph = plates[int(rng.choice(4, p=[0.45, 0.15, 0.3, 0.1]))]
    r, g, b = (
        PLATE_CONTRAST * one + (1 - PLATE_CONTRAST) * two
        for one, two in zip(glyph, plate, strict=True)
    )
    return plate, (r, g, b)
