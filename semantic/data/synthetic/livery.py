"""Marks and stripes: they distinguish vehicles of the same color and type."""

import colorsys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semantic.data.synthetic.difficulty import DAMAGED_SHARE, PRIVATE_MARK_SIZE
from semantic.data.synthetic.paint import Rgb, to_linear
from semantic.data.synthetic.proportions import Proportions

FACES = ("side", "top", "front", "rear", "left", "right")
SHAPES = (
    "disc", "ring", "square", "diamond", "triangle", "star", "chevron", "bars", "halves", "lines",
    "panel", "patch",
)  # fmt: skip
WHERE = ("top", "side", "slanted")
MAX_MARKS = 12
MAX_STRIPES = 3

_STICKERS = 10  # shapes before these are stickers, the others damage
# Hue in degrees and value (HSV) of the accent colors; black, white and grays are added.
_ACCENTS = ((2, 0.75), (22, 0.85), (46, 0.9), (100, 0.55), (145, 0.45), (185, 0.6), (205, 0.8),
            (226, 0.6), (228, 0.35), (280, 0.45), (340, 0.7))  # fmt: skip


@dataclass(frozen=True)
class Mark:
    """A sticker or a damaged patch on one face.

    The coordinates (u, v) of a face are (x, z) for the sides, (x, y) for the top, and (y, z) for
    front and rear. The face "side" means both sides.

    Attributes:
        face: Name in `FACES`.
        shape: Name in `SHAPES`.
        u_m: Center along u in meters.
        v_m: Center along v in meters.
        half_u_m: Half size along u in meters.
        half_v_m: Half size along v in meters.
        turn_rad: Rotation in radians.
        rgb: First color, linear RGB.
        rgb2: Second color, linear RGB.
    """

    face: str
    shape: str
    u_m: float
    v_m: float
    half_u_m: float
    half_v_m: float
    turn_rad: float
    rgb: Rgb
    rgb2: Rgb


@dataclass(frozen=True)
class Stripe:
    """A band on the vehicle.

    Attributes:
        where: "top" (centered in y), "side" (centered in z), or "slanted" on the side (centered
            in x).
        center_m: Center in meters.
        half_m: Half width in meters.
        rgb: Color, linear RGB.
    """

    where: str
    center_m: float
    half_m: float
    rgb: Rgb


def shape_atlas(size: int = 64) -> NDArray[np.uint8]:
    """Draws all shapes side by side.

    Args:
        size: Height and width of a shape in pixels.

    Returns:
        Array (size, 12 size): 0 outside, 128 in the first color, 255 in the second.
    """
    axis = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(axis, axis)
    r, m, d = np.hypot(x, y), np.maximum(abs(x), abs(y)), abs(x) + abs(y)
    angle = np.arctan2(x, y)
    uneven = (
        0.65
        + 0.15 * np.sin(3 * angle + 1)
        + 0.12 * np.sin(5 * angle)
        + 0.08 * np.sin(9 * angle + 2)
    )
    # Four rows of dashes look like lettering from afar.
    row = np.floor((y + 1) * 2)
    dashes = ((y + 1) * 2 % 1 < 0.62) & ((x * (3 + row) + 0.37 * row) % 1 < 0.78)
    drawn: dict[str, tuple[Any, Any]] = {
        "disc": (r < 1.0, r < 0.48),
        "ring": ((r < 1.0) & (r > 0.55), False),
        "square": (m < 0.86, m > 0.55),
        "diamond": (d < 1.0, d < 0.48),
        "triangle": ((y > -0.8) & (abs(x) < 0.5 * (1 - y)), y < -0.25),
        "star": (r < 0.62 + 0.38 * np.cos(5 * angle), False),
        "chevron": ((abs(x) < 0.9) & (abs(y - 0.5 + 0.9 * abs(x)) < 0.4), False),
        "bars": (m < 0.95, (x * 1.58 + 0.25) % 1 > 0.5),
        "halves": (r < 1.0, y < 0),
        "lines": ((m < 0.95) & dashes, y > 0.3),
        "panel": (m < 0.98, False),
        "patch": (r < uneven, False),
    }
    return np.concatenate(
        [np.where(a, np.where(b, 255, 128), 0) for a, b in map(drawn.__getitem__, SHAPES)], 1
    ).astype(np.uint8)


def contrasting(rng: np.random.Generator, paint: Rgb, count: int) -> list[Rgb]:
    """Draws `count` accent colors (linear RGB) that differ clearly from `paint` and each other."""
    pool = [to_linear(colorsys.hsv_to_rgb(h / 360, 0.8, v)) for h, v in _ACCENTS]
    pool += [(0.8, 0.8, 0.8), (0.8, 0.78, 0.72), (0.015, 0.015, 0.018), (0.15, 0.15, 0.16)]
    # The distance of gamma-encoded values approximates the perceived difference.
    apart = [c for c in pool if np.linalg.norm(np.sqrt(c) - np.sqrt(paint)) > 0.35]
    return [apart[i] for i in rng.permutation(len(apart))[:count]]


_Spots = dict[str, list[tuple[str, float, float, float]]]  # design -> (face, u, v, half size)


def _spots(p: Proportions, kind: str) -> _Spots:
    """Returns the places for marks in meters; every design has places on several faces."""
    special = {"truck": _truck_spots, "bus": _bus_spots, "van": _van_spots}
    if kind in special:
        return special[kind](p)
    half, high = p.length_m / 2, p.belt_m - p.clearance_m
    middle, rear_z = p.clearance_m + 0.58 * high, p.clearance_m + 0.68 * high
    size = 0.36 * high
    hood_x = half - 0.52 * p.hood_m
    door = half - p.hood_m - p.screen_run_m
    roof = ("top", door - 0.5 * p.cabin_m, 0.0, min(0.42, 0.34 * p.roof_width * p.width_m))
    rear = ("rear", 0.0, rear_z, 0.20 if kind in ("sedan", "pickup") else 0.24)
    deck = [("top", -half + 0.36, 0.0, 0.27)] if kind == "sedan" else []
    return {
        "a": [("side", door - 0.15, middle, size), *_front_spot(p), rear, *deck],
        "b": [("side", door - 1.15, middle, size), roof, ("rear", 0.5, rear_z, 0.15)],
        "c": [
            ("side", -half + 0.55, middle + 0.12, 0.75 * size),
            ("top", hood_x, 0.48, 0.22),
            ("rear", -0.5, rear_z, 0.15),
        ],
    }


def _front_spot(p: Proportions) -> list[tuple[str, float, float, float]]:
    """Returns a place on the hood, or on the front if the hood is short."""
    if p.hood_m > 0.5:
        return [("top", p.length_m / 2 - 0.52 * p.hood_m, 0.0, min(0.36, 0.36 * p.hood_m))]
    return [("front", 0.0, p.clearance_m + 0.72 * (p.belt_m - p.clearance_m), 0.26)]


def _truck_spots(p: Proportions) -> _Spots:
    half, high = p.length_m / 2, p.belt_m - p.clearance_m
    x, z = -0.5 * (p.hood_m + p.screen_run_m + p.cabin_m), 0.55 * p.load_height_m + 0.45
    big = 0.28 * (p.load_height_m - 0.9)
    return {
        "a": [("side", x + 0.22 * p.length_m, z, big), ("rear", 0.0, z, big), *_front_spot(p)],
        "b": [
            ("side", x - 0.16 * p.length_m, z, big),
            ("top", x, 0.0, 0.6),
            ("rear", 0.55, z - 0.3, 0.24),
        ],
        "c": [
            ("side", half - 0.9, p.clearance_m + 0.58 * high, 0.36 * high),
            ("top", half - 1.0, 0.0, 0.42),
        ],
    }


def _bus_spots(p: Proportions) -> _Spots:
    z = p.clearance_m + 0.58 * (p.belt_m - p.clearance_m)
    return {
        "a": [("side", 2.6, z, 0.42), ("front", 0.0, 0.95, 0.34), ("rear", 0.0, 1.15, 0.42)],
        "b": [("side", -0.6, z, 0.42), ("top", 2.5, 0.0, 0.9), ("rear", 0.7, 1.0, 0.3)],
        "c": [("side", -2.9, z, 0.42), ("top", -1.5, 0.0, 0.9), ("rear", 0.0, 2.95, 0.3)],
    }


def _van_spots(p: Proportions) -> _Spots:
    high, z = p.belt_m - p.clearance_m, 1.35 * p.belt_m
    middle = p.clearance_m + 0.58 * high
    roof_x = p.length_m / 2 - p.hood_m - p.screen_run_m - 0.5 * p.cabin_m
    top, low = ("top", roof_x + 0.6, 0.0, 0.5), ("rear", -0.45, middle + 0.1, 0.3)
    return {
        "a": [("side", -0.1, z, 0.42), ("rear", 0.45, middle, 0.3), *_front_spot(p)],
        "b": [("side", -1.45, z, 0.42), top, low],
        "c": [("side", 0.9, middle, 0.36 * high), ("top", roof_x - 0.9, 0.0, 0.5)],
    }


def sample_marks(
    rng: np.random.Generator, p: Proportions, kind: str, accents: list[Rgb]
) -> tuple[Mark, ...]:
    """Draws up to two designs, each on several faces; none in a quarter of the calls."""
    spots = _spots(p, kind)
    designs = int(rng.choice([0, 1, 2], p=[0.25, 0.5, 0.25]))
    private = kind not in ("truck", "bus", "van")
    marks: list[Mark] = []
    for i, name in enumerate(rng.permutation(sorted(spots))[:designs]):
        shape = SHAPES[int(rng.integers(0, _STICKERS))]
        turn = float(rng.choice([0.0, np.pi]) + rng.uniform(-0.12, 0.12))
        grow = rng.uniform(0.7, 1.1) * (PRIVATE_MARK_SIZE if private else 1.1)
        stretch, squeeze = rng.uniform(0.9, 1.5), rng.uniform(0.6, 1.0)
        first, second = accents[i], accents[(i + 1 + int(rng.integers(0, 2))) % len(accents)]
        shift = rng.uniform(-0.2, 0.2)
        for face, u, v, half in spots[str(name)]:
            along, wide = (u + shift, half * stretch) if face == "side" else (u, half)
            size = wide * grow, half * grow * squeeze
            marks.append(Mark(face, shape, along, v, *size, turn, first, second))
    return tuple(marks)


def sample_damage(rng: np.random.Generator, p: Proportions, paint: Rgb) -> tuple[Mark, ...]:
    """Draws up to three damages: scratches to the primer, and panels in a differing shade."""
    if rng.random() > DAMAGED_SHARE:
        return ()
    damage = []
    high = p.belt_m - p.clearance_m
    for _ in range(int(rng.integers(1, 4))):
        x, turn = float(rng.uniform(-0.4, 0.4) * p.length_m), float(rng.uniform(-0.3, 0.3))
        face = str(rng.choice(["left", "right", "rear", "front"], p=[0.35, 0.35, 0.15, 0.15]))
        u = x if face in ("left", "right") else float(rng.uniform(-0.35, 0.35) * p.width_m)
        if rng.random() < 0.4:
            tone = float(rng.choice([0.55, 1.6]))
            r, g, b = (min(0.9, c * tone + 0.01) for c in paint)
            size = 0.5, 0.4 * high
            damage.append(
                Mark(face, "panel", u, p.clearance_m + 0.55 * high, *size, 0.0, (r, g, b), paint)
            )
            continue
        level = float(rng.choice([0.05, 0.25, 0.5]))
        rgb = (level * 1.15, level, level * 0.9)
        z = p.clearance_m + float(rng.uniform(0.2, 0.8)) * high
        size = float(rng.uniform(0.15, 0.5)), float(rng.uniform(0.05, 0.16))
        damage.append(Mark(face, "patch", u, z, *size, turn, rgb, rgb))
    return tuple(damage)


def sample_stripes(
    rng: np.random.Generator, p: Proportions, kind: str, accents: list[Rgb], needed: bool
) -> tuple[Stripe, ...]:
    """Draws up to two stripes, and at least one if `needed`."""
    stripes = []
    side = 0.9 if needed else 0.25
    if rng.random() < 0.18:
        half = float(rng.uniform(0.05, 0.12)) * p.width_m / 1.8
        center = float(rng.choice([0.0, 0.22, 0.34])) * p.width_m / 1.8
        stripes.append(Stripe("top", center, half, accents[int(rng.integers(0, 4))]))
    if rng.random() < side:
        low, high = p.clearance_m + 0.12, p.belt_m - 0.08
        half = 0.06 * (high - low) * float(rng.uniform(0.6, 2.0))
        center = float(rng.uniform(low + half, high - half))
        stripes.append(Stripe("side", center, half, accents[int(rng.integers(0, 4))]))
    elif needed or rng.random() < 0.1:
        half = float(rng.uniform(0.10, 0.24)) * p.length_m / 4.5
        place = float(rng.uniform(-0.3, 0.15)) * p.length_m
        stripes.append(Stripe("slanted", place, half, accents[int(rng.integers(0, 4))]))
    return tuple(stripes)
