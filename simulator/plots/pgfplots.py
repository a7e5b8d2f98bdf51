"""Writes panels as a LaTeX file for pgfplots, which compiles by itself or is an \\input of a paper.

matplotlib's own export for LaTeX runs LaTeX to measure the texts; this one needs no program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from matplotlib.cbook import is_math_text

from simulator.plots.layout import Axis, Layout
from simulator.plots.panels import Line, Panel
from simulator.results.line_styles import COLORS, PGF_MARKERS, LineStyle, line_style

_SPECIAL = {
    **{character: f"\\{character}" for character in "&%#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
}
#: Inches beside a panel for its labels.
LABELS = 0.75


def escape(text: str) -> str:
    r"""Returns a text for LaTeX; formulas between dollar signs stay as they are.

    >>> print(escape(r"50 % of rank_1, $\theta_0$"))
    50 \% of rank\_1, $\theta_0$

    As in matplotlib, a dollar sign behind a backslash, or an odd number of them, is no formula.

    >>> print(escape(r"5 \$ a use, $\theta_0$"), escape("5 $ a use"))
    5 \$ a use, $\theta_0$ 5 \$ a use
    """
    text = re.sub(r"[\x00-\x20\x7f]+", " ", text)  # an empty line would end the command
    formula = r"((?<!\\)\$(?:\\.|[^$\\])+\$)"
    parts = re.split(formula, text) if is_math_text(text) else [text]
    for i in range(0, len(parts), 2):
        parts[i] = parts[i].replace(r"\$", "$")
        parts[i] = re.sub(r"[&%#_{}\\~^]", lambda found: _SPECIAL[found[0]], parts[i])
        parts[i] = parts[i].replace("$", r"\$")
    return "".join(parts)


def pgfplots_document(
    panels: list[Panel],
    axis: Axis,
    grid: tuple[int, int],
    size: tuple[float, float],
    layout: Layout,
) -> str:
    """Returns the LaTeX document of a figure.

    Args:
        panels: The panels.
        axis: Their horizontal axis.
        grid: Rows and columns of panels.
        size: Width and height of the figure in inches.
        layout: How the figure looks; its style gives the size alone, fonts are those of the paper.
    """
    down, across = grid
    width, height = size[0] / across - LABELS, size[1] / down - LABELS
    numbers = sorted({line.number for panel in panels for line in panel.lines})
    ticks = ",".join(f"{tick:g}" for tick in axis.ticks)
    colors = {line_style(number).color for number in numbers}
    lines = [
        "% Compiles by itself. In a paper: \\usepackage{standalone,pgfplots},",
        "% \\usepgfplotslibrary{groupplots}, then \\input this file.",
        r"\documentclass[border=2pt]{standalone}",
        r"\usepackage{pgfplots}",
        r"\usepgfplotslibrary{groupplots}",
        r"\pgfplotsset{compat=1.16}",
        r"\begin{document}",
        *(_define(number, color) for number, color in enumerate(COLORS) if color in colors),
        r"\begin{tikzpicture}",
        rf"\begin{{groupplot}}[group style={{group size={across} by {down}, "
        "horizontal sep=1.4cm, vertical sep=1.4cm},",
        rf"  width={width:.2f}in, height={height:.2f}in, scale only axis,",
        rf"  xlabel={{{escape(axis.title)}}}, grid=major, grid style={{gray!30}},",
        rf"  xlabel style={{text width={width + 0.5:.2f}in, align=center}},",
        *([f"  xtick={{{ticks}}},"] if ticks else []),
        *(f"  {name}mode=log," for name in sorted(axis.log)),
        "  label style={font=\\footnotesize}, tick label style={font=\\scriptsize},",
        "  legend style={font=\\scriptsize, draw=none, at={(0,1.03)}, anchor=south west,",
        f"    legend columns={_legend_columns(panels[0], size[0] - LABELS)}}}, legend cell align=left]",
    ]
    for number, panel in enumerate(panels):
        lines.append(rf"\nextgroupplot[ylabel={{{escape(panel.title)}}}]")
        for line in panel.lines:
            lines += _plot(line, layout.intervals, number == 0 and layout.legend != "none")
    lines += [r"\end{groupplot}", r"\end{tikzpicture}", r"\end{document}", ""]
    return "\n".join(lines)


def _define(number: int, color: str) -> str:
    return rf"\definecolor{{line{number}}}{{HTML}}{{{color[1:].upper()}}}"


def _legend_columns(panel: Panel, width: float) -> int:
    """Returns how many entries fit beside each other, at about 0.05 inches a character."""
    longest = max(len(line.label) for line in panel.lines)
    return max(1, min(len(panel.lines), int(width / (0.4 + 0.05 * longest))))


def _plot(line: Line, intervals: str, in_legend: bool) -> Iterator[str]:
    """Yields the lines of a plot: its band first, then its points."""
    look = line_style(line.number)
    color = f"line{COLORS.index(look.color)}"
    if intervals == "bands" and not line.published:
        corners = [*zip(line.x, line.low, strict=True)]
        corners += reversed([*zip(line.x, line.high, strict=True)])
        outline = " ".join(f"({x:.8g},{y:.8g})" for x, y in corners)
        yield rf"\addplot[draw=none, fill={color}, fill opacity=0.18, forget plot]"
        yield f"  coordinates {{{outline}}} -- cycle;"
    bars = intervals == "bars" and not line.published
    options = [color, f"mark={PGF_MARKERS[look.marker]}", "mark size=1.5pt", _stroke(look, line)]
    if bars:
        options.append("error bars/.cd, y dir=both, y explicit")
    if not in_legend:
        options.insert(0, "forget plot")
    yield rf"\addplot[{', '.join(options)}]"
    if bars:
        yield "  table[x=x, y=y, y error plus=above, y error minus=below] {"
        yield "    x y above below"
        for x, y, low, high in zip(line.x, line.y, line.low, line.high, strict=True):
            yield f"    {x:.8g} {y:.8g} {high - y:.8g} {y - low:.8g}"
        yield "  };"
    else:
        yield "  coordinates {"
        yield from (f"    ({x:.8g},{y:.8g})" for x, y in zip(line.x, line.y, strict=True))
        yield "  };"
    if in_legend:
        yield rf"\addlegendentry{{{escape(line.label)}}}"


def _stroke(look: LineStyle, line: Line) -> str:
    """Returns the options of the line: its dashes in points, or markers alone."""
    if line.published:
        return "only marks, mark options={fill=white, solid}"
    if not look.dashes:
        return "solid, mark options={solid}"
    strokes = " ".join(
        f"{'off' if i % 2 else 'on'} {length:g}pt" for i, length in enumerate(look.dashes)
    )
    return f"dash pattern={strokes}, mark options={{solid}}"
