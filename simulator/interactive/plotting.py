"""`simulator.plot`: metrics of runs, shown in a notebook or written to a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.given_values import given_names, given_path
from simulator.interactive.saved_run import SavedRun
from simulator.plots.draw import draw
from simulator.plots.layout import Axis, Layout
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
        labels: Texts for the figure, by the name of a scheme, run, channel or metric.
        style: "plain", "ieee", "slides" or a style file of matplotlib.
        columns: Width in columns of the style, 1 or 2.
        size: Width and height in inches; by default that of style and columns.
        intervals: "bars", "bands" or "none".
        legend: "auto", "below" or "none".
        out: PDF, SVG, PNG, EPS or .tex file; None for a figure that a notebook shows.

    Returns:
        The figure, or the path of the file.

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
    texts = [f"{name}={text}" for name, text in (labels or {}).items()]
    choice = Choice(
        metrics=given_names("metric", metric),
        axis=x,
        schemes=None if schemes is None else given_names("schemes", schemes),
        channel=channel,
        labels=read_labels(texts, curve),
    )
    curve = choose(curve, choice)
    ticks = tuple(sorted(curve["snr_db"].unique())) if x == "snr" else ()
    layout = Layout(style, columns, size, intervals, legend)

    def write(path: Path) -> None:
        draw(panels(curve, choice), Axis(AXES[x], ticks, choice.log), layout, path)

    if out is not None:
        file = given_path("out", out)
        write(file)
        return file
    with TemporaryDirectory(prefix="semharq-") as folder:
        path = Path(folder) / "figure.png"
        write(path)
        return Drawing(path.read_bytes())
