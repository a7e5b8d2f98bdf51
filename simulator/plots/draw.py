"""Draws panels with matplotlib, or writes them for LaTeX, by the suffix of the file."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cbook import is_math_text
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.ticker import LogFormatter

from semantic.suggest import nearest
from simulator.files import write_text_whole, write_whole
from simulator.plots.layout import Axis, Layout
from simulator.plots.legend import place_legend
from simulator.plots.panels import Line, Panel
from simulator.plots.pgfplots import pgfplots_document
from simulator.plots.styles import applied, open_style
from simulator.results.figures import save
from simulator.results.line_styles import MARKERS, line_style

#: Most SNRs that each get a tick.
MOST_TICKS = 12
#: Range in which a logarithmic axis has plain numbers.
PLAIN_NUMBERS = 0.01, 9999


def draw(panels: list[Panel], axis: Axis, layout: Layout, path: Path) -> list[str]:
    """Writes a figure.

    Args:
        panels: The panels.
        axis: Their horizontal axis.
        layout: How the figure looks.
        path: PDF, SVG, PNG or another format of matplotlib by its suffix; .tex for pgfplots.

    Returns:
        A line for each thing that the figure lacks.

    Raises:
        ValueError: One line, for a suffix that is not known, a style that cannot be drawn, or a
            figure that has no room for its panels.
    """
    suffix = path.suffix.lower().removeprefix(".")
    known = sorted({*FigureCanvasAgg.get_supported_filetypes(), "tex"} - {"pgf"})
    if suffix not in known:
        text = ".pgf needs LaTeX to draw: write .tex" if suffix == "pgf" else nearest(suffix, known)
        listed = "" if text.startswith("allowed") else f"; one of {', '.join(known)}"
        raise ValueError(f"{path.name!r:.80} is no figure: {text}{listed}")
    if suffix in ("eps", "ps") and layout.intervals == "bands":
        raise ValueError(
            f"{path.name!r:.80} cannot have bands, PostScript has no transparency: bars, or a PDF"
        )
    style = open_style(layout.style)
    if suffix == "tex":
        down, across, size = layout.grid(style, len(panels))
        write_text_whole(path, pgfplots_document(panels, axis, (down, across), size, layout))
        return []
    check_formulas(
        [axis.title, *(text for p in panels for text in (p.title, *(n.label for n in p.lines)))]
    )
    with applied(style), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        figure = make_figure(panels, axis, layout)
        figure.draw_without_rendering()
        if any("collapsed to zero" in str(one.message) for one in caught):
            width, height = figure.get_size_inches()
            raise ValueError(
                f"{width:g}x{height:g} inches are too small for {len(panels)} panels with labels "
                "and legend: give a larger size"
            )
        write_whole(path, lambda whole: save(figure, whole, rcParams["savefig.dpi"]))
    return _lacks(caught)


def _lacks(caught: Iterable[warnings.WarningMessage]) -> list[str]:
    """Returns what the warnings of matplotlib mean; shows those of anything else."""
    missing: dict[str, None] = {}
    for one in caught:
        glyph = re.match(r"Glyph (\d+) ", str(one.message))
        if glyph:
            missing[chr(int(glyph[1]))] = None
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    if not missing:
        return []
    return [
        f"the fonts of the style lack {''.join(missing)!r:.60}: set font.family in a style file"
    ]


def check_formulas(texts: Iterable[str]) -> None:
    """Checks the formulas between dollar signs.

    Raises:
        ValueError: One line, for a text that matplotlib cannot draw.

    >>> check_formulas([r"50 % of $\\theta_0$", "5 $ a use", r"$\\thta$"])
    Traceback (most recent call last):
    ValueError: the text '$\\\\thta$' has a formula that cannot be drawn: Unknown symbol: \\thta
    """
    parser = MathTextParser("path")
    for text in filter(is_math_text, texts):  # any other text is drawn as it is
        try:
            parser.parse(text)
        except ValueError as error:
            reason = str(error).strip().splitlines()[-1].partition(", found")[0]
            reason = reason.removeprefix("ParseFatalException: ").removeprefix("ParseException: ")
            raise ValueError(
                f"the text {text!r:.80} has a formula that cannot be drawn: {reason:.120}"
            ) from None


def make_figure(panels: list[Panel], axis: Axis, layout: Layout) -> Figure:
    """Returns a figure of matplotlib, drawn with the settings that are applied at this moment."""
    down, across, size = layout.grid(open_style(layout.style), len(panels))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(down, across, squeeze=False).flat)
    for ax in axes[len(panels) :]:
        ax.remove()
    for ax, panel in zip(axes, panels, strict=False):
        _draw_panel(ax, panel, axis, layout.intervals)
    labels = [_in_legend(line) for panel in panels for line in panel.lines]
    place_legend(figure, axes[: len(panels)], labels, layout.legend)
    return figure


def _draw_panel(ax: Axes, panel: Panel, axis: Axis, intervals: str) -> None:
    for line in panel.lines:
        _draw_line(ax, line, intervals)
    ax.set_xlabel(axis.title)
    ax.set_ylabel(panel.title)
    if "x" in axis.log:
        ax.set_xscale("log")
        _plain_numbers(ax.xaxis)
    if "y" in axis.log:
        ax.set_yscale("log", nonpositive="clip")
        _plain_numbers(ax.yaxis)
    if 0 < len(axis.ticks) <= MOST_TICKS:
        ax.set_xticks(axis.ticks)
    ax.grid(color=_faint(rcParams["grid.color"], ax.get_facecolor()), alpha=1)
    ax.set_axisbelow(True)


def _faint(ink: Any, paper: Any) -> tuple[float, ...]:
    """Returns 30 % of a color over another, without transparency, which PostScript has not."""
    (*rgb, alpha), (*below, shade) = to_rgba(ink), to_rgba(paper)
    alpha *= 0.3
    under = (shade * c + 1 - shade for c in below)  # a clear paper is white
    return tuple(alpha * c + (1 - alpha) * u for c, u in zip(rgb, under, strict=True))


def _plain_numbers(axis: Any) -> None:
    """Writes 60 instead of 6 x 10^1 along a logarithmic axis of small numbers."""
    low, high = axis.get_view_interval()
    if low >= PLAIN_NUMBERS[0] and high <= PLAIN_NUMBERS[1]:
        axis.set_major_formatter(LogFormatter())
        axis.set_minor_formatter(LogFormatter())


def _in_legend(line: Line) -> str:
    """The name of a line; matplotlib hides one that begins with an underscore."""
    return f" {line.label}" if line.label.startswith("_") else line.label


def _draw_line(ax: Axes, line: Line, intervals: str) -> None:
    """Draws a line with its intervals; published points are hollow markers without a line."""
    look = line_style(line.number)
    style: dict[str, Any] = {"color": look.color, "marker": MARKERS[look.marker]}
    style |= {"label": _in_legend(line), "linestyle": (0, look.dashes) if look.dashes else "-"}
    if line.published:
        style |= {"linestyle": "none", "markerfacecolor": "none"}
        ax.plot(line.x, line.y, **style)
    elif intervals == "bars":
        spread = [line.y - line.low, line.high - line.y]
        container = ax.errorbar(line.x, line.y, yerr=spread, elinewidth=0.8, **style)
        for bar in container[2]:
            bar.set_linestyle("-")
    else:
        ax.plot(line.x, line.y, **style)
        if intervals == "bands":
            ax.fill_between(line.x, line.low, line.high, color=look.color, alpha=0.18, linewidth=0)
