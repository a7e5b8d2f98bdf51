"""`simulator.plot`: one metric of runs, shown in a notebook or written to a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from simulator.interactive.saved_run import SavedRun
from simulator.results.figures import draw_runs

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
        Path(path).write_bytes(self.png)

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return f"Drawing({len(self.png)} bytes of PNG; .save('figure.png') writes it)"


def plot(
    runs: RunLike | Iterable[RunLike],
    metric: str = "rank1",
    *,
    x: str = "snr",
    schemes: Sequence[str] | None = None,
    channel: str | None = None,
    size: tuple[float, float] = (7, 4.6),
    out: str | Path | None = None,
) -> Drawing | Path:
    """Draws one metric of runs over SNR or over channel uses, with 95 % intervals.

    Args:
        runs: One or several: directories of runs, or what `load_run` returned.
        metric: As in the column `metric` of the curve.
        x: "snr" or "channel_uses".
        schemes: Those to draw; all by default.
        channel: The one to draw, as the curve names it; all by default.
        size: Width and height in inches.
        out: PNG, PDF or SVG file; None for a figure that a notebook shows.

    Returns:
        The figure, or the path of the file.

    Raises:
        ValueError: One line, if there is no such run, metric, axis, scheme or channel.

    Example:
        ```
        from simulator import plot

        plot("runs/demo", "mAP")
        plot(["runs/demo", "runs/block"], "mAP", x="channel_uses", out="map.pdf")
        ```
    """
    listed = [runs] if isinstance(runs, (str, Path, SavedRun)) else list(runs)
    paths = [one.directory if isinstance(one, SavedRun) else Path(one) for one in listed]
    if out is not None:
        draw_runs(paths, metric, x, Path(out), schemes, channel, size)
        return Path(out)
    with TemporaryDirectory(prefix="semharq-") as folder:
        path = Path(folder) / "figure.png"
        draw_runs(paths, metric, x, path, schemes, channel, size)
        return Drawing(path.read_bytes())
