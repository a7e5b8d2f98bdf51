"""Colors, markers and dashes of the lines: readable in gray and with any color vision.

The first four colors differ in color and in gray. Each of the first eight lines also has a marker
and dashes of its own, so that no pair of lines depends on color.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Each has a contrast of at least 3 : 1 with white paper.
COLORS = (
    *("#0072b2", "#882255", "#999933", "#000000"),
    *("#d55e00", "#661100", "#cc79a7", "#117733"),
)
#: The same for dark screens.
DARK_COLORS = (
    *("#56b4e9", "#e3609f", "#f0e442", "#f5f5f5"),
    *("#ff9f45", "#d0594b", "#f2b8d8", "#3ddb8f"),
)
#: Markers of matplotlib, of pgfplots and of Vega, in one order.
MARKERS = ("o", "s", "D", "^", "v", "P", "*", "X")
PGF_MARKERS = ("*", "square*", "diamond*", "triangle*", "halfdiamond*", "+", "star", "x")
VEGA_SHAPES = (
    *("circle", "square", "diamond", "triangle-up"),
    *("triangle-down", "cross", "triangle-right", "triangle-left"),
)
#: Lengths of strokes and gaps, in multiples of the line width; () is a solid line.
DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (5, 2),
    (1, 1.5),
    (6, 1.5, 1, 1.5),
    (8, 2),
    (3, 1.5),
    (6, 1.5, 1, 1.5, 1, 1.5),
    (2, 1, 5, 1),
)


@dataclass(frozen=True)
class LineStyle:
    """How one line looks.

    Attributes:
        color: As "#rrggbb".
        marker: Index into the lists of markers.
        dashes: Lengths of strokes and gaps in multiples of the line width; () for a solid line.
    """

    color: str
    marker: int
    dashes: tuple[float, ...]


def line_style(number: int) -> LineStyle:
    """Returns the style of the line of a number; the first 64 lines differ in marker or dashes.

    >>> line_style(0)
    LineStyle(color='#0072b2', marker=0, dashes=())
    >>> len({(line_style(i).marker, line_style(i).dashes) for i in range(64)})
    64
    """
    place, turn = number % len(COLORS), number // len(COLORS)
    return LineStyle(COLORS[place], place, DASHES[(place + turn) % len(DASHES)])


def matplotlib_style(number: int) -> dict[str, Any]:
    """Returns matplotlib's arguments for a solid line; from the ninth on, dashed with open markers.

    >>> matplotlib_style(0)
    {'color': '#0072b2', 'marker': 'o'}
    >>> matplotlib_style(8)["color"] == matplotlib_style(0)["color"]
    True
    """
    look = line_style(number)
    style: dict[str, Any] = {"color": look.color, "marker": MARKERS[look.marker]}
    if number >= len(COLORS):
        style |= {"linestyle": (0, look.dashes), "markerfacecolor": "white"}
    return style
