"""`simulator.plot`: metrics of runs, shown in a notebook or written to a file."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.given_values import given_names, given_object, given_path, given_text
from simulator.interactive.saved_run import SavedRun
from simulator.plots.draw import draw
from simulator.plots.layout import Axis, Layout, log_axes
from simulator.plots.panels import AXES, Choice, choose, panels, read_curves, read_labels

#: A run: its directory, or what `load_run` returned.
RunLike = str | Path | SavedRun


@dataclass(frozen=True, repr=False)
class Drawing:
    """A figure of curves, which a notebook shows.

    Attributes:
        png: The content of a PNG file.
    """

    png: bytes

    def save(self, path: str | Path) -> None:
        """Writes the PNG file."""
        given_path("path", path).write_bytes(self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"Drawing({len(self.png)} bytes of PNG; .save('figure.png') writes it)"


def plot(
    runs: RunLike | Iterable[RunLike],
    metric: str | Sequence[str] = "rank1",
    *,
    x: str = "snr",
    schemes: Sequence[str] | None = None,
    channel: str | None = None,
    labels: Mapping[str, str] | None = None,
    style: str = "plain",
    columns: int = 1,
    size: tuple[float, float] | None = None,
    intervals: str = "bars",
    log: str | None = None,
    legend: str = "auto",
    out: str | Path | None = None,
) -> Drawing | Path:
    """Draws metrics of runs over SNR or over a cost, with 95 % intervals; a panel for each metric.

    Args:
        runs: One or several: directories of runs, or what `load_run` returned.
        metric: One name or several, as in the column `metric` of the curve.
        x: "snr", or the cost of the horizontal axis, e.g. "channel_uses".
        schemes: Those to draw; all by default.
        channel: The one to draw, as the curve names it; all by default.
        labels: Texts for the figure, by the name of a scheme, run, channel, metric or axis.
        style: "plain", "ieee", "slides" or a style file of matplotlib.
        columns: Width in columns of the style, 1 or 2.
        size: Width and height in inches; by default that of style and columns.
        intervals: "bars", "bands" or "none".
        log: Logarithmic axes: "none", "x", "y" or "xy"; by default "x" for channel uses.
        legend: "auto", "below" or "none".
        out: PDF, SVG, PNG, EPS or .tex file; None for a figure that a notebook shows.

    Returns:
        The figure, or the path of the file. A warning names what it cannot show.

    Raises:
        ValueError: One line, if there is no such run, metric, axis, scheme, channel or style.

    Example:
        ```
        from simulator import plot

        plot("runs/demo", "mAP")
        plot(["runs/demo", "runs/block"], ["rank1", "mAP"], x="channel_uses", out="costs.pdf")
        ```
    """
    several = isinstance(runs, Iterable) and not isinstance(runs, str)
    listed = list(runs) if several else [runs]  # type: ignore[arg-type]
    curve = read_curves(
        r.directory if isinstance(r, SavedRun) else given_path("runs", r) for r in listed
    )
    for name, text in (("x", x), ("intervals", intervals), ("legend", legend)):
        given_text(name, text)
    named = given_object("labels", labels or {}, dict, "a dict of texts by their names")
    texts = [f"{given_text('a label', k)}={given_text('a label', v)}" for k, v in named.items()]
    metrics = given_names("metric", metric)
    if not metrics:
        raise ValueError(f"metric is {metric!r:.80}, it names no metric")
    choice = Choice(
        metrics=metrics,
        axis=x,
        schemes=None if schemes is None else given_names("schemes", schemes),
        channel=None if channel is None else given_text("channel", channel),
        labels=read_labels(texts, curve, "labels"),
        log=log_axes(None if log is None else given_text("log", log), x),
    )
    curve = choose(curve, choice)
    ticks = tuple(sorted(curve["snr_db"].unique())) if x == "snr" else ()
    layout = Layout(given_text("style", style), columns, size, intervals, legend)
    axis = Axis(choice.labels.get(x, AXES[x]), ticks, choice.log)

    def write(path: Path) -> None:
        found = panels(curve, choice)
        empty = [f"{name} has no point to draw: {p.title}" for p in found for name in p.empty]
        for line in (*empty, *draw(found, axis, layout, path)):
            warnings.warn(line, stacklevel=3)

    if out is not None:
        file = given_path("out", out)
        write(file)
        return file
    with TemporaryDirectory(prefix="semharq-") as folder:
        path = Path(folder) / "figure.png"
        write(path)
        return Drawing(path.read_bytes())
