"""Colors, markers and dashes of figures: different for every eye, and in gray."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from plotted import curve, made

from simulator.plots.draw import make_figure
from simulator.plots.layout import Axis, Layout
from simulator.results.line_styles import (
    COLORS,
    DARK_COLORS,
    DASHES,
    MARKERS,
    PGF_MARKERS,
    VEGA_SHAPES,
    line_style,
)

#: How a screen's linear RGB looks to others: Machado et al., IEEE TVCG 15(6), 2009, severity 1;
#: and the luminance of ITU-R BT.709, a print in gray.
VISIONS = {
    "normal": np.eye(3),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "gray": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}


XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def linear(color: str) -> np.ndarray:
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB under D65."""
    x = XYZ @ rgb.clip(0, 1) / (XYZ @ np.ones(3))
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(color: str, paper: str) -> float:
    """The contrast ratio of WCAG 2."""
    dark, light = sorted(float(linear(c) @ VISIONS["gray"][0]) + 0.05 for c in (color, paper))
    return light / dark


def test_every_color_shows_on_its_paper() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert min(contrast(color, "#ffffff") for color in COLORS) >= 2.9
    assert min(contrast(color, "#16191d") for color in DARK_COLORS) >= 3.5


@pytest.mark.parametrize("vision", VISIONS)
def test_lines_differ_for_every_eye_and_in_gray(vision: str) -> None:
    for a, b in itertools.combinations([line_style(i) for i in range(8)], 2):
        seen = [lab(VISIONS[vision] @ linear(style.color)) for style in (a, b)]
        far = float(np.linalg.norm(seen[0] - seen[1])) >= 12
        assert far or (a.marker != b.marker and a.dashes != b.dashes), (a, b)
    first = [lab(VISIONS[vision] @ linear(color)) for color in COLORS[:4]]
    assert min(np.linalg.norm(x - y) for x, y in itertools.combinations(first, 2)) >= 12


def test_markers_and_dashes_are_all_different() -> None:
    for names in (MARKERS, PGF_MARKERS, VEGA_SHAPES, DASHES, COLORS, DARK_COLORS):
        assert len(set(names)) == len(names) == 8
    drawn = make_figure(made(curve(8)), Axis("x"), Layout(intervals="none")).axes[0].lines
    assert len({line.get_marker() for line in drawn}) == 8
    assert len({str(line._dash_pattern) for line in drawn}) == 8
