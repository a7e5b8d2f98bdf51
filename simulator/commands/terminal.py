"""The output of a run on the terminal: headline, tables, progress bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from simulator.commands.notes import notes
from simulator.results.curve import ACCURACIES, training_note
from simulator.setup.prepare import Prepared

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
        f"at most {spec.max_transmissions} transmissions{limit}\n"
        f"features per slot B: {budget}\n"
    ) + "".join(f"note: {line}\n" for line in notes(prepared))


def tables(curve: pd.DataFrame) -> Iterator[Table]:
    """Yields one table per scheme, with a row per SNR, and accuracies with their intervals.

    A scheme that transmits information bits has a second table: block error rates and goodput.
    """
    for scheme, rows in curve.groupby("scheme", sort=False):
        title = f"{scheme}; {training_note(rows)}"
        view = Table(title=title, caption="in brackets: 95 % interval", box=SIMPLE_HEAD)
        view.add_column("SNR dB", justify="right")
        for heading in HEADINGS.values():
            view.add_column(heading, justify="right")
        for snr_db, points in rows.groupby("snr_db", sort=False):
            by_metric = points.set_index("metric")
            cells = [_cell(by_metric.loc[metric], metric in ACCURACIES) for metric in HEADINGS]
            view.add_row(f"{snr_db:g}", *cells)
        yield view
        if (rows["metric"] == "goodput").any():
            yield _digital_table(str(scheme), rows)


def _digital_table(scheme: str, rows: pd.DataFrame) -> Table:
    """Returns a table with a row per SNR: BLER after 1 ... G_max transmissions, and goodput."""
    metrics = [m for m in rows["metric"].unique() if m.startswith("bler_")]
    view = Table(
        title=f"{scheme}: images not delivered after j transmissions, goodput",
        caption="in brackets: 95 % interval",
        box=SIMPLE_HEAD,
    )
    for heading in ("SNR dB", *(f"BLER {m[5:]}" for m in metrics), "bits per use"):
        view.add_column(heading, justify="right")
    for snr_db, points in rows.groupby("snr_db", sort=False):
        by_metric = points.set_index("metric")
        cells = [_interval(by_metric.loc[m], 3) for m in (*metrics, "goodput")]
        view.add_row(f"{snr_db:g}", *cells)
    return view


def _cell(point: Any, interval: bool) -> str:
    if not point["n"]:
        return "no labels"
    value = point["value"]
    if not interval:
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
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Shows `done` of `total`."""
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
