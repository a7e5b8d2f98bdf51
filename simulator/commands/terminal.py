"""The output of a run on the terminal: headline, tables, progress bar."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from simulator.commands.notes import notes
from simulator.results.curve import ACCURACIES, training_note
from simulator.setup.prepare import Prepared

#: Seconds over which the time left is estimated: a cell of a long run, or an epoch, takes minutes.
SPEED_S = 3600.0
#: Columns of a table whose reader is not a terminal.
PIPE_COLUMNS = 120
HEADINGS = {
    "rank1": "rank-1 %",
    "mAP": "mAP %",
    "color_accuracy": "color %",
    "type_accuracy": "type %",
    "transmissions": "sent",
    "channel_uses": "uses",
    "feedback_bits": "feedback",
}


def headline(prepared: Prepared) -> str:
    """Returns a run in two lines (images, weights, channel, T, W, B per SNR), and its notes."""
    spec, data = prepared.spec, prepared.dataset
    weights = ", ".join(f"{name} {digest[:8]}" for name, digest in prepared.networks.hashes.items())
    preset = "" if spec.bandwidth_hz is not None else f" (preset of {spec.data.split(':')[0]})"
    slots = [spec.slot(snr_db) for snr_db in spec.snr_db]
    budget = ", ".join(f"{slot.snr_db:g} dB: {slot.features}" for slot in slots)
    limit = f" and {spec.max_transmissions} B channel uses" if spec.budget == "uses" else ""
    stored = " that the server stores" if spec.gallery == "clean" else ""
    queries = int(data.is_query.sum())
    return (
        f"{', '.join(spec.schemes)}: {queries} queries in a gallery of {len(data) - queries}"
        f"{stored} ({data.name}); weights {weights}; channel {spec.channel_label}; "
        f"T {1e3 * spec.slot_s:g} ms, W {spec.bandwidth / 1e6:g} MHz{preset}, "
        f"{transmissions_text(prepared)}{limit}\n"
        f"features per slot B: {budget}\n"
    ) + "".join(f"note: {line}\n" for line in notes(prepared))


def transmissions_text(prepared: Prepared) -> str:
    """Returns the most transmissions of an image, and those of schemes with another number."""
    spec = prepared.spec
    slots = [spec.slot(snr_db) for snr_db in spec.snr_db]
    text = f"at most {spec.max_transmissions} transmissions"
    for name, scheme in prepared.schemes.items():
        most = max(scheme.transmissions(slot, spec.max_transmissions) for slot in slots)
        if most != spec.max_transmissions:
            bursts = getattr(scheme, "bursts_per_slot", 1)
            text += f", {most} of {name}" + (f" ({bursts} in a slot)" if bursts > 1 else "")
    return text


def terminal(pipe_columns: int = PIPE_COLUMNS, markup: bool = True) -> Console:
    """Returns the console of tables: as wide as the terminal, or as $COLUMNS says.

    Args:
        pipe_columns: Its width if stdout is a pipe, which has none; 120 keep a log readable.
        markup: Whether words in brackets are styles.
    """
    sized = sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit()
    return Console(width=None if sized else pipe_columns, highlight=False, markup=markup)


def text_blocks(table: pd.DataFrame, keys: int, width: int) -> Iterator[str]:
    """Yields a table as text, divided into blocks of columns that fit into the width.

    Args:
        table: What is shown; floats get two decimals.
        keys: Number of columns at its beginning that each block repeats.
        width: Columns of the terminal.
    """
    first, rest = list(table.columns[:keys]), list(table.columns[keys:])
    while rest:
        taken = len(rest)
        while taken > 1 and _text_width(table[first + rest[:taken]]) > width:
            taken -= 1
        yield _text(table[first + rest[:taken]])
        rest = rest[taken:]


def _text(table: pd.DataFrame) -> str:
    return table.to_string(index=False, float_format=lambda value: f"{value:.2f}")


def _text_width(table: pd.DataFrame) -> int:
    return max(map(len, _text(table).splitlines()))


def tables(curve: pd.DataFrame, width: int = PIPE_COLUMNS) -> Iterator[Table]:
    """Yields tables per scheme, with a row per SNR, and accuracies with their intervals.

    A scheme that transmits information bits has a second one: block error rates and goodput. A
    table that is wider than the terminal is divided into several, so that no number is cut off.

    Args:
        curve: Points as in curve.csv.
        width: Columns of the terminal.
    """
    caption = "in brackets: 95 % interval"
    for scheme, rows in curve.groupby("scheme", sort=False):
        title = f"{scheme}; {training_note(rows)}"
        there = set(rows["metric"])  # logs of earlier versions lack later metrics
        heads = {metric: heading for metric, heading in HEADINGS.items() if metric in there}
        yield from _divided(title, caption, _columns(rows, heads, _cell), width)
        if (rows["metric"] == "goodput").any():
            title = f"{scheme}: images not delivered after j transmissions, goodput"
            names = [m for m in rows["metric"].unique() if m.startswith("bler_")]
            metrics = {m: f"BLER {m[5:]}" for m in names} | {"goodput": "bits per use"}
            columns = _columns(rows, metrics, lambda metric, point: _interval(point, 3))
            yield from _divided(title, caption, columns, width)


def _columns(
    rows: pd.DataFrame, metrics: Mapping[str, str], text: Callable[[str, Any], str]
) -> dict[str, list[str]]:
    """Returns heading -> texts of the SNRs; the first column has the SNRs themselves."""
    columns: dict[str, list[str]] = {"SNR dB": [], **{heading: [] for heading in metrics.values()}}
    for snr_db, points in rows.groupby("snr_db", sort=False):
        by_metric = points.set_index("metric")
        columns["SNR dB"].append(f"{snr_db:g}")
        for metric, heading in metrics.items():
            columns[heading].append(text(metric, by_metric.loc[metric]))
    return columns


def _divided(
    title: str, caption: str, columns: Mapping[str, list[str]], width: int
) -> Iterator[Table]:
    """Yields tables that have the first column and as many of the others as fit into the width."""
    (first, snrs), *rest = columns.items()
    blocks: list[list[str]] = [[]]
    for heading, _ in rest:
        wider = [first, *blocks[-1], heading]
        if blocks[-1] and sum(_width(name, columns[name]) for name in wider) > width:
            blocks.append([])
        blocks[-1].append(heading)
    for block in blocks:
        view = Table(title=title, caption=caption, box=SIMPLE_HEAD)
        for heading in (first, *block):
            view.add_column(heading, justify="right", no_wrap=True, overflow="ignore")
        for row in zip(snrs, *(columns[heading] for heading in block), strict=True):
            view.add_row(*row)
        yield view


def _width(heading: str, texts: list[str]) -> int:
    """Returns the columns of a terminal that a column needs, with the space around it."""
    return max(map(len, (heading, *texts))) + 3


def _cell(metric: str, point: Any) -> str:
    if not point["n"]:
        return "no labels"
    value = point["value"]
    if metric not in ACCURACIES:
        return f"{value:.2f}" if value < 100 else f"{value:.0f}"
    return _interval(point, 1)


def _interval(point: Any, digits: int) -> str:
    low, high = (f"{point[name]:.{digits}f}" for name in ("ci_low", "ci_high"))
    return f"{point['value']:.{digits}f} ({low}-{high})"


class Bar:
    """A progress bar on stderr, with a line for each kind of work."""

    def __init__(self, quiet: bool) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
            speed_estimate_period=SPEED_S,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Bar:
        try:
            self._bar.start()
        except BaseException:  # a signal while it starts, after it has hidden the cursor
            with suppress(IndexError):  # of a display that is half started
                self._bar.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends the bar, so that other text can follow; may be called twice."""
        self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Shows `done` of `total`."""
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
