"""Models: the properties that the vehicles of a family share."""

from dataclasses import dataclass

import numpy as np

from semantic.data.synthetic.difficulty import CHROME_SHARE, PLASTIC_SHARE, TWO_TONE_SHARE
from semantic.data.synthetic.paint import Rgb, sample_paint
from semantic.data.synthetic.proportions import Proportions, sample_proportions

_PRIVATE = ("sedan", "suv", "hatchback", "mpv", "pickup", "estate")


@dataclass(frozen=True)
class Model:
    """A model of one type in one shade; colors are linear RGB in [0, 1].

    Attributes:
        proportions: Lengths of the body.
        paint: Color of the body.
        roof: Color of the roof.
        trim: Color of sills and cladding.
        bumper: Color of the bumpers.
        mirror: Color of the mirrors.
        cladding: Whether sills and wheel arches are of plastic.
        two_tone: Height, as a share of the body, below which the body has the color of the trim.
        chrome: Whether belt line, grille frame and door handles are of chrome.
        pillars: Whether the pillars between the side windows are black.
        molding: Whether a protective strip runs along the doors.
        crease: Strength of the creases along the doors, in [0, 1].
        crease_at: Height of the upper crease as a share of the body.
        grille: Style of the grille: 0 bars, 1 mesh, 2 slats, 3 closed.
        grille_size: Half width and upper end of the grille, relative to the default.
        fog_lamps: Whether the front bumper has fog lamps.
        lamp_front: Height and lower edge of the headlights as shares of the body, and their style.
        lamp_rear: The same of the tail lights.
        spokes: Number of spokes of a rim.
        rim_style: Style of the rims, 0 to 2.
    """

    proportions: Proportions
    paint: Rgb
    roof: Rgb
    trim: Rgb
    bumper: Rgb
    mirror: Rgb
    cladding: bool
    two_tone: float
    chrome: bool
    pillars: bool
    molding: bool
    crease: float
    crease_at: float
    grille: int
    grille_size: tuple[float, float]
    fog_lamps: bool
    lamp_front: tuple[float, float, float]
    lamp_rear: tuple[float, float, float]
    spokes: int
    rim_style: int


def sample_model(rng: np.random.Generator, color: str, kind: str) -> Model:
    """Draws a model of a type, and its shade of a paint class."""
    proportions, paint = sample_proportions(rng, kind), sample_paint(rng, color)
    private = kind in _PRIVATE
    dark: Rgb = (float(rng.uniform(0.008, 0.04)),) * 3
    plastic = rng.random() < PLASTIC_SHARE
    contrast_roof = private and rng.random() < TWO_TONE_SHARE
    return Model(
        proportions=proportions,
        paint=paint,
        roof=_black_or_white(paint) if contrast_roof else paint,
        trim=dark,
        bumper=(float(rng.uniform(0.02, 0.10)),) * 3 if plastic else paint,
        mirror=dark if plastic or rng.random() < 0.3 else paint,
        cladding=kind in ("suv", "pickup") and rng.random() < 0.65,
        two_tone=float(rng.uniform(0.22, 0.5)) if rng.random() < TWO_TONE_SHARE else 0.0,
        chrome=private and rng.random() < CHROME_SHARE,
        pillars=rng.random() < 0.6,
        molding=private and rng.random() < 0.4,
        crease=float(rng.uniform(0.1, 1.0)),
        crease_at=float(rng.uniform(0.60, 0.84)),
        grille=int(rng.integers(0, 4)),
        grille_size=(float(rng.uniform(0.6, 1.15)), float(rng.uniform(0.05, 0.18))),
        fog_lamps=private and rng.random() < 0.6,
        lamp_front=_sample_lamp(rng, (0.10, 0.24), (0.42, 0.68)),
        lamp_rear=_sample_lamp(rng, (0.10, 0.34), (0.45, 0.76)),
        spokes=int(rng.integers(4, 13)),
        rim_style=int(rng.integers(0, 3)),
    )


def _sample_lamp(
    rng: np.random.Generator, height: tuple[float, float], low: tuple[float, float]
) -> tuple[float, float, float]:
    return float(rng.uniform(*height)), float(rng.uniform(*low)), float(rng.random())


def _black_or_white(paint: Rgb) -> Rgb:
    return (0.015, 0.015, 0.017) if sum(paint) > 0.5 else (0.75, 0.75, 0.75)
