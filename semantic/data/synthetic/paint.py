"""The ten paint classes, which stay distinct under moderate changes of light and white balance."""

import colorsys

import numpy as np

Rgb = tuple[float, float, float]

# Hue in degrees, saturation and value ranges (HSV of the sRGB color).
_HSV = {
    "yellow": ((48, 56), (0.80, 0.98), (0.85, 0.98)),
    "orange": ((17, 25), (0.84, 0.98), (0.86, 0.98)),
    "green": ((115, 160), (0.45, 0.85), (0.30, 0.60)),
    "gray": ((200, 230), (0.00, 0.07), (0.36, 0.60)),
    "red": ((-6, 3), (0.80, 0.98), (0.48, 0.80)),
    "blue": ((212, 230), (0.62, 0.92), (0.38, 0.80)),
    "white": ((200, 230), (0.00, 0.03), (0.90, 0.98)),
    "golden": ((36, 43), (0.38, 0.52), (0.68, 0.80)),
    "brown": ((16, 26), (0.56, 0.74), (0.26, 0.37)),
    "black": ((200, 230), (0.00, 0.15), (0.03, 0.11)),
}


def to_linear(srgb: tuple[float, float, float]) -> Rgb:
    """Returns the linear RGB of an sRGB color, both in [0, 1] (IEC 61966-2-1).

    >>> [round(value, 4) for value in to_linear((0.0, 0.5, 1.0))]
    [0.0, 0.214, 1.0]
    """
    c = np.asarray(srgb, dtype=float)
    c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return (float(c[0]), float(c[1]), float(c[2]))


def sample_paint(rng: np.random.Generator, color: str) -> Rgb:
    """Draws the shade (linear RGB) of a paint of class `color`."""
    hue, saturation, value = (rng.uniform(*bounds) for bounds in _HSV[color])
    return to_linear(colorsys.hsv_to_rgb(hue / 360 % 1.0, saturation, value))
