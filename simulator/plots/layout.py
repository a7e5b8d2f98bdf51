"""How a figure looks: size, panels, axes, intervals and legend."""

from __future__ import annotations

from dataclasses import dataclass

from semantic.suggest import nearest
from simulator.plots.styles import Style
from simulator.results.figures import check_size

#: Choices of the options.
INTERVALS = ("bars", "bands", "none")
LEGENDS = ("auto", "below", "none")


@dataclass(frozen=True)
class Layout:
    """How a figure looks.

    Attributes:
        style: Name of a style, or a style file.
        columns: Width of the figure in columns of the style, 1 or 2.
        size: Width and height in inches; None for those of the style and the number of panels.
        intervals: "bars", "bands" or "none".
        legend: "auto", "below" or "none".

    Raises:
        ValueError: One line, for another choice.
    """

    style: str = "plain"
    columns: int = 1
    size: tuple[float, float] | None = None
    intervals: str = "bars"
    legend: str = "auto"

    def __post_init__(self) -> None:
        for what, given, known in (
            ("intervals", self.intervals, INTERVALS),
            ("legend", self.legend, LEGENDS),
        ):
            if given not in known:
                raise ValueError(f"unknown {what} {given!r}: {nearest(given, known)}")
        if isinstance(self.columns, bool) or self.columns not in (1, 2):
            raise ValueError(f"columns {self.columns!r:.80} is not allowed, it must be 1 or 2")
        if self.size is not None:
            check_size(self.size)

    def grid(self, style: Style, panels: int) -> tuple[int, int, tuple[float, float]]:
        """Returns the rows and columns of panels, and the size of the figure in inches."""
        width = style.widths[self.columns - 1] if self.size is None else self.size[0]
        across = min(panels, max(1, int(width // style.panel[0])))
        down = -(-panels // across)
        across = -(-panels // down)  # four panels are two by two, not three and one
        size = None if self.size is None else check_size(self.size)
        return down, across, size or (width, down * style.panel[1])


def log_axes(text: str | None, axis: str) -> frozenset[str]:
    """Returns the logarithmic axes of "none", "x", "y", "xy"; those of `axis` for None.

    Raises:
        ValueError: One line, for another text, or for SNRs in dB, which are logarithms already.

    >>> sorted(log_axes("xy", "energy")), sorted(log_axes(None, "channel_uses"))
    (['x', 'y'], ['x'])
    """
    if text is None:
        return frozenset("x" if axis in ("channel_uses", "uses_charged", "bandwidth_ratio") else "")
    if text not in ("none", "x", "y", "xy"):
        raise ValueError(f"unknown log {text!r}: none, x, y or xy")
    if "x" in text and axis == "snr":
        raise ValueError("a logarithmic x is not allowed for the SNR: dB are a logarithm already")
    return frozenset("" if text == "none" else text)


@dataclass(frozen=True)
class Axis:
    """The horizontal axis of all panels, and the scales.

    Attributes:
        title: Its label.
        ticks: SNRs in dB of the points; () for another axis.
        log: Axes with a logarithmic scale: "x", "y".
    """

    title: str
    ticks: tuple[float, ...] = ()
    log: frozenset[str] = frozenset()
