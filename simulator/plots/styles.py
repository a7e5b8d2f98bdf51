"""Styles of a figure: fonts, sizes and line widths of a screen, an IEEE paper or slides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib import rc_context

from semantic.suggest import nearest
from simulator.plots.style_file import read_style_file


@dataclass(frozen=True)
class Style:
    """A style.

    Attributes:
        widths: Width in inches of a figure of one column and of two columns.
        panel: Least width and the height of a panel in inches.
        settings: Settings of matplotlib.
    """

    widths: tuple[float, float]
    panel: tuple[float, float]
    settings: Mapping[str, Any] = field(default_factory=dict)


_LINES = {"lines.linewidth": 1.3, "lines.markersize": 4.5, "errorbar.capsize": 2.0}

#: Styles by name. A column of an IEEE paper is 3.5 inches wide, and two columns 7.16. STIX are the
#: Times-like fonts that matplotlib brings along.
STYLES = {
    "plain": Style((7.0, 12.0), (3.5, 4.6), {"legend.fontsize": 8, **_LINES}),
    "ieee": Style(
        (3.5, 7.16),
        (2.2, 2.5),
        {
            **{"font.family": "STIXGeneral", "mathtext.fontset": "stix", "font.size": 8},
            **{"axes.labelsize": 8, "axes.titlesize": 8, "legend.fontsize": 7},
            **{"xtick.labelsize": 7, "ytick.labelsize": 7, "axes.linewidth": 0.5},
            **{"grid.linewidth": 0.4, "xtick.major.width": 0.5, "ytick.major.width": 0.5},
            **{"lines.linewidth": 0.9, "lines.markersize": 3.4, "errorbar.capsize": 1.5},
            **{"xtick.direction": "in", "ytick.direction": "in", "savefig.dpi": 600},
        },
    ),
    "slides": Style(
        (6.0, 12.0),
        (3.8, 4.6),
        {
            **{"font.size": 15, "axes.labelsize": 16, "legend.fontsize": 13},
            **{"lines.linewidth": 2.4, "lines.markersize": 8, "errorbar.capsize": 3.5},
            **{"axes.linewidth": 1.2, "grid.linewidth": 0.8, "savefig.dpi": 200},
        },
    ),
}


def open_style(text: str) -> Style:
    """Returns the style of a name, or that of a matplotlib style file.

    A style file gives the width of one column by its `figure.figsize`.

    Raises:
        ValueError: One line, if it is neither, or if the file cannot be read.
    """
    if text in STYLES:
        return STYLES[text]
    path = Path(text)
    if path.suffix != ".mplstyle":
        raise ValueError(f"unknown style {text!r}: {nearest(text, STYLES)}, or a FILE.mplstyle")
    settings = read_style_file(path)
    width, height = settings.get("figure.figsize", (STYLES["plain"].widths[0], 4.6))
    return Style((width, 2 * width), (min(width, 3.5), height), {**_LINES, **settings})


@contextmanager
def applied(style: Style) -> Iterator[None]:
    """Applies the settings of a style, which also hold while the file is written.

    Raises:
        ValueError: One line, where a setting needs a program that is not there (text.usetex).
    """
    settings: dict[Any, Any] = dict(style.settings)
    try:
        with rc_context(settings):
            yield
    except (RuntimeError, ArithmeticError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"the style cannot be drawn here: {reason}") from None
