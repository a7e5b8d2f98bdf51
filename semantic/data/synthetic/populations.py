"""The splits: numbers of vehicles and images, and the mix of types and colors."""

from dataclasses import dataclass

import numpy as np

from semantic.data.dataset import COLORS
from semantic.data.synthetic import difficulty as d
from semantic.suggest import nearest

# Shares in percent. Black, white and gray make up about three quarters, as among the query vehicles
# of VeRi-776. Rare types have few colors of their own, so that color and type together identify few
# vehicles.
_TYPES_ON_THE_ROAD = {
    "sedan": 40.0, "suv": 16.0, "hatchback": 13.0, "van": 8.5, "mpv": 5.0,
    "truck": 5.0, "pickup": 4.5, "bus": 4.0, "estate": 4.0,
}  # fmt: skip
# Every type is frequent in training: from 20 vehicles a network learns stickers, not the shape.
_TYPES_IN_TRAINING = {
    "sedan": 18.0, "suv": 15.0, "hatchback": 14.0, "mpv": 11.0, "pickup": 10.0,
    "estate": 11.0, "van": 8.0, "bus": 6.0, "truck": 7.0,
}  # fmt: skip
_COLOR_SHARE = {
    "sedan": {"black": 28, "white": 24, "gray": 24, "red": 6, "blue": 6, "golden": 4,
              "brown": 3, "yellow": 2, "green": 2, "orange": 1},
    "suv": {"black": 36, "white": 34, "gray": 18, "brown": 6, "red": 6},
    "hatchback": {"white": 40, "gray": 26, "blue": 17, "red": 17},
    "van": {"white": 65, "gray": 35},
    "mpv": {"black": 55, "gray": 45},
    "pickup": {"white": 55, "gray": 45},
    "bus": {"white": 60, "blue": 40},
    "truck": {"white": 60, "blue": 40},
    "estate": {"black": 60, "gray": 40},
}  # fmt: skip


@dataclass(frozen=True)
class Population:
    """A set of vehicles drawn together, and the size of its split.

    Attributes:
        first: Number of its first vehicle; the others follow.
        count: Default number of vehicles.
        most: Largest number of vehicles; further numbers belong to another population.
        types: Share of each type in percent.
        any_color: Share of each type that is spread over all ten colors instead of its own.
        stream: Part of the seed, different for each population.
        families: Share of the vehicles that belong to a family.
        queries: Number of query images of the default number of vehicles.
        images: Number of all images of the default number of vehicles.
        more_cameras: Mean number of cameras that see a vehicle, in addition to two.
    """

    first: int
    count: int
    most: int
    types: dict[str, float]
    any_color: float
    stream: int
    families: float
    queries: int = 0
    images: int = 0
    more_cameras: float = 0.0


POPULATIONS = {
    # The colors reveal little about the type: a network must not learn that buses are white.
    "train": Population(
        3001, 2400, 6999, _TYPES_IN_TRAINING, 0.45, 12, d.FAMILY_SHARE, 0, 22_000, 2.6
    ),
    "validation": Population(
        1001, 220, 999, _TYPES_ON_THE_ROAD, 0.40, 13, d.TEST_FAMILY_SHARE, 500, 2_900, 10.0
    ),
    "test": Population(
        601, 220, 399, _TYPES_ON_THE_ROAD, 0.40, 11, d.TEST_FAMILY_SHARE, 500, 2_900, 10.0
    ),
    "large": Population(
        2001, 720, 999, _TYPES_ON_THE_ROAD, 0.40, 14, d.TEST_FAMILY_SHARE, 1_678, 13_257, 10.0
    ),
    # Vehicles in the background of other vehicles' images.
    "extras": Population(1, 60, 576, _TYPES_ON_THE_ROAD, 0.2, 10, d.FAMILY_SHARE),
}
SPLITS = ("train", "validation", "test", "large")


def population_of(name: str, count: int | None) -> tuple[Population, int]:
    """Returns a population and its number of vehicles; None means the default.

    Raises:
        ValueError: The population is unknown, or the count is not possible.
    """
    if name not in POPULATIONS:
        raise ValueError(f"split is {name!r}; {nearest(name, POPULATIONS)}")
    population = POPULATIONS[name]
    count = population.count if count is None else count
    if not 1 <= count <= population.most:
        raise ValueError(f"{name} has 1 to {population.most} vehicles, got {count}")
    return population, count


def joint_share(name: str) -> dict[tuple[str, str], float]:
    """Returns the share of every (color, type) in a population; the shares sum to one."""
    types, spread = POPULATIONS[name].types, POPULATIONS[name].any_color
    share = {}
    for kind, weight in types.items():
        total = sum(_COLOR_SHARE[kind].values())
        for color in COLORS:
            special = _COLOR_SHARE[kind].get(color, 0) / total
            share[color, kind] = weight / 100 * ((1 - spread) * special + spread / len(COLORS))
    return share


def sample_labels(rng: np.random.Generator, name: str, count: int) -> list[tuple[str, str]]:
    """Draws the (color, type) of `count` vehicles with the joint shares, by systematic sampling."""
    share = joint_share(name)
    labels = sorted(share)
    edges = np.cumsum([share[label] for label in labels])
    places = (np.arange(count) + rng.random()) / count * edges[-1]
    return [labels[i] for i in np.searchsorted(edges, places, side="right")]
