"""What a figure shows: panels of lines, taken from the curves of runs and from published points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from semantic.data.filenames import printable
from semantic.suggest import nearest
from simulator.results.curve_file import read_curve
from simulator.results.figures import SNR_TITLE, TITLES
from simulator.results.finished_run import files_below, no_run

#: Horizontal axes and their labels.
AXES = {
    "snr": SNR_TITLE,
    "channel_uses": TITLES["channel_uses"],
    "uses_charged": "channel uses per image, feedback included",
    "transmissions": TITLES["transmissions"],
    "latency_ms": "latency per image (ms)",
    "energy": "energy per image (P per channel use)",
    "bandwidth_ratio": "channel bandwidth ratio k/n",
}
#: Titles of metrics that the figure of a run does not show.
MORE_TITLES = {"psnr_db": "PSNR (dB)", "ssim": "SSIM", "ebn0_db": "Eb/N0 (dB)"}
#: What tells two lines of a figure apart.
PARTS = ("run", "scheme", "channel")


@dataclass(frozen=True)
class Line:
    """A curve of a panel.

    Attributes:
        label: Its name in the legend.
        number: Number of its style; published points have that of their scheme.
        x: [points] horizontal values, ascending in SNR.
        y: [points] values.
        low: [points] lower bounds of the intervals.
        high: [points] upper bounds.
        published: Whether these are published points, which have no intervals.
    """

    label: str
    number: int
    x: np.ndarray
    y: np.ndarray
    low: np.ndarray
    high: np.ndarray
    published: bool = False


@dataclass(frozen=True)
class Panel:
    """A metric over the horizontal axis.

    Attributes:
        title: Label of the vertical axis.
        lines: The curves.
        empty: Labels of curves without a point that the axes can show.
    """

    title: str
    lines: tuple[Line, ...]
    empty: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """Which part of the curves a figure shows.

    Attributes:
        metrics: Names as in the curve; a panel for each.
        axis: "snr", or the metric of the horizontal axis.
        schemes: Those to draw; None for all.
        channel: The one to draw, as the curve names it; None for all.
        labels: Texts for the figure, by the name of a scheme, run, channel or metric.
        log: Axes with a logarithmic scale: "x", "y".
    """

    metrics: Sequence[str] = ("rank1",)
    axis: str = "snr"
    schemes: Sequence[str] | None = None
    channel: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    log: frozenset[str] = frozenset()


def read_curves(directories: Iterable[Path]) -> pd.DataFrame:
    """Returns the curves of runs, or of the runs below a directory, with a column "run".

    Raises:
        ValueError: One line, if a directory has no finished run.
    """
    found: dict[Path, Path] = {}  # a run that is named twice is drawn once
    for directory in directories:
        files = [p for p in files_below(directory, "curve.csv") if (p.parent / "run.json").exists()]
        if not files:
            raise ValueError(no_run(directory, "nor does a directory below it"))
        for file in files:
            found.setdefault(file.resolve(), file)
    if not found:
        raise ValueError("no run was given")
    curves = [read_curve(file).assign(run=printable(str(file.parent))) for file in found.values()]
    return pd.concat(curves, ignore_index=True)


def named_twice(directories: Iterable[Path]) -> list[Path]:
    """Returns the directories that hold only runs which others before them hold already."""
    seen: set[Path] = set()
    again = []
    for directory in directories:
        found = {file.resolve() for file in files_below(directory, "curve.csv")}
        if found <= seen:
            again.append(directory)
        seen |= found
    return again


def choose(curve: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Returns the rows of the chosen schemes and channel.

    Raises:
        ValueError: One line with the nearest valid name, for a name that the curves do not have.
    """
    if choice.axis not in AXES:
        raise ValueError(f"unknown x axis {choice.axis!r}: {nearest(choice.axis, AXES)}")
    wanted = {"metric": choice.metrics, "scheme": choice.schemes, "channel": choice.channel}
    for column, names in wanted.items():
        known = [str(value) for value in curve[column].unique()]
        for name in [names] if isinstance(names, str) else names or ():
            if name not in known:
                raise ValueError(f"unknown {column} {name!r}: {nearest(name, known)}")
    if choice.schemes is not None:
        curve = curve[curve["scheme"].isin(choice.schemes)]
    return curve if choice.channel is None else curve[curve["channel"] == choice.channel]


def read_labels(
    texts: Iterable[str], curve: pd.DataFrame, given: str = "--label"
) -> dict[str, str]:
    """Reads texts NAME=TEXT, where NAME is a scheme, run, channel or metric of the curves.

    Args:
        texts: The texts.
        curve: The result of `read_curves`.
        given: What gave them, for a message.

    Raises:
        ValueError: One line, for another name, one that is given twice, or no text.

    >>> table = pd.DataFrame({"run": ["r"], "scheme": ["a"], "channel": ["c(k=1)"], "metric": ["m"]})
    >>> read_labels(["c(k=1)=Rician", "a=A=B"], table)
    {'c(k=1)': 'Rician', 'a': 'A=B'}
    """
    known = [str(name) for column in (*PARTS, "metric") for name in curve[column].unique()]
    found: dict[str, str] = {}
    for text in texts:
        names = [name for name in known if text.startswith(f"{name}=")]
        if not names:
            name, equals, _ = text.partition("=")
            if not equals:
                raise ValueError(f"{given} {text!r} is not NAME=TEXT")
            raise ValueError(f"{given} {text!r}: unknown name {name!r}: {nearest(name, known)}")
        name = max(names, key=len)
        if name in found:
            raise ValueError(f"{given} {text!r}: {name!r} has the text {found[name]!r} already")
        found[name] = text[len(name) + 1 :]
        if not found[name].strip():
            raise ValueError(f"{given} {text!r} gives no text")
    return found


def unused_labels(curve: pd.DataFrame, choice: Choice, published: bool = False) -> list[str]:
    """Returns the names of the labels that the figure does not show.

    Args:
        curve: The result of `choose`.
        choice: The choice.
        published: Whether there are published points, which are named by their scheme.
    """
    parts = {*_named(curve), *(["scheme"] if published else [])}
    shown = {str(value) for part in parts for value in curve[part].unique()}
    return [name for name in choice.labels if name not in {*shown, *choice.metrics, choice.axis}]


def _named(curve: pd.DataFrame) -> list[str]:
    """Returns the parts that the names of the lines consist of."""
    return [part for part in PARTS if curve[part].nunique() > 1] or ["scheme"]


def panels(
    curve: pd.DataFrame, choice: Choice, published: pd.DataFrame | None = None
) -> list[Panel]:
    """Returns a panel for each metric.

    Args:
        curve: The result of `choose`.
        choice: The choice.
        published: Published points with the columns label (a scheme), snr_db, metric, value.

    Raises:
        ValueError: One line, if there is nothing to draw, or two lines would have one name.
    """
    named = _named(curve)
    keys = list(curve.groupby(list(PARTS), sort=False))
    found = []
    for metric in choice.metrics:
        lines = []
        for number, (key, rows) in enumerate(keys):
            at = dict(zip(PARTS, key, strict=True))
            label = ", ".join(_shown(str(at[part]), choice) for part in named)
            lines.append(_line(rows, metric, choice, label, number))
        if published is not None:
            lines += _published(published, metric, lines, [str(key[1]) for key, _ in keys], choice)
        _refuse_same_name(lines)
        title = choice.labels.get(
            metric, {**MORE_TITLES, **TITLES}.get(metric, metric.replace("_", " "))
        )
        empty = tuple(line.label for line in lines if not len(line.y))
        found.append(Panel(title, tuple(line for line in lines if len(line.y)), empty))
    for metric, panel in zip(choice.metrics, found, strict=True):
        if not panel.lines:
            scale = " above 0 for a logarithmic axis" if choice.log else ""
            raise ValueError(f"no run has a point of {metric}{scale}")
    return found


def _shown(name: str, choice: Choice) -> str:
    """Returns the text of a name; a dollar sign of a name begins no formula."""
    return choice.labels.get(name, name.replace("$", r"\$"))


def _refuse_same_name(lines: Sequence[Line]) -> None:
    """Refuses lines that a legend cannot tell apart.

    Raises:
        ValueError: One line with their name.
    """
    names = [line.label.strip() for line in lines]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"{names.count(name)} lines of the figure would be called {name!r}: give each a "
                "label of its own"
            )


def _line(rows: pd.DataFrame, metric: str, choice: Choice, label: str, number: int) -> Line:
    """Returns one scheme of one run; points that a logarithmic axis cannot show are left out."""
    points = rows[(rows["metric"] == metric) & (rows["n"] > 0)].set_index("snr_db").sort_index()
    x = points.index.to_numpy(float)
    if choice.axis != "snr":
        costs = rows[rows["metric"] == choice.axis].set_index("snr_db")["value"]
        x = costs.reindex(points.index).to_numpy(float)
    y, low, high = (points[name].to_numpy(float) for name in ("value", "ci_low", "ci_high"))
    shown = np.isfinite(x) & np.isfinite(y)
    for axis, values in (("x", x), ("y", y)):
        if axis in choice.log:
            shown &= values > 0
    low, high = np.fmin(low, y), np.fmax(high, y)
    return Line(label, number, x[shown], y[shown], low[shown], high[shown])


def _published(
    published: pd.DataFrame, metric: str, lines: list[Line], schemes: list[str], choice: Choice
) -> list[Line]:
    """Returns the published points of the schemes that are drawn, once for each scheme."""
    found = []
    rows = published[published["metric"] == metric]
    for scheme in dict.fromkeys(schemes):
        points = rows[rows["label"] == scheme].sort_values("snr_db")
        x, y = points["snr_db"].to_numpy(float), points["value"].to_numpy(float)
        if len(y):
            label = f"{_shown(scheme, choice)}, published"
            found.append(Line(label, schemes.index(scheme), x, y, y, y, published=True))
    return found
