"""The ten paint classes, which stay distinct under moderate changes of light and white balance."""

import colorsys

import numpy as np

Rgb = tuple[float, float, float]

# Hue in degrees, saturation and value ranges (HSV of the sRGB color).
_HSV = {
    "yellow": ((50, 57), (0.88, 1.0), (0.90, 1.0)),
    "orange": ((17, 25), (0.92, 1.0), (0.92, 1.0)),
    "green": ((115, 155), (0.60, 0.90), (0.35, 0.65)),
    "gray": ((200, 230), (0.00, 0.06), (0.38, 0.56)),
    "red": ((-6, 3), (0.88, 1.0), (0.55, 0.85)),
    "blue": ((212, 230), (0.70, 0.95), (0.42, 0.85)),
    "white": ((200, 230), (0.00, 0.03), (0.90, 0.98)),
    "golden": ((37, 43), (0.40, 0.52), (0.70, 0.80)),
    "brown": ((18, 26), (0.60, 0.74), (0.27, 0.37)),
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
