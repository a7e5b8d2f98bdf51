"""Writes the report of a run, or those of all runs of a sweep."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from semantic.data.filenames import printable
from semantic.suggest import nearest
from simulator.encoded_dataset import Progress
from simulator.files import write_text_whole
from simulator.report import charts, tables
from simulator.report.page import Link, Page, Section, render
from simulator.report.queries import queries
from simulator.report.replay import Replay
from simulator.report.run_files import RunFiles, is_run, read_run
from simulator.report.scripts import vega_script
from simulator.results.curve import ACCURACIES
from simulator.results.figures import TITLES
from simulator.results.finished_run import files_below, no_run
from simulator.trust import parts_of

#: The name of a report in the directory of its run.
NAME = "report.html"


@dataclass(frozen=True)
class Options:
    """What a report shows.

    Attributes:
        replay: Whether transmissions are repeated, which the counts of features and the retrieved
            images need.
        scheme: Scheme of the shown queries; None for the first.
        snr_db: SNR of the shown queries in dB; None for the lowest.
        trust: Whether to execute parts "module:name" of the run.
        progress: Called with (what, done, total).
        note: Called with a line for the user.
    """

    replay: bool = True
    scheme: str | None = None
    snr_db: float | None = None
    trust: bool = False
    progress: Progress = field(default=lambda what, done, total: None)
    note: Callable[[str], None] = field(default=lambda line: None)


def write_report(directory: Path, out: Path | None, options: Options) -> Path:
    """Writes the report of a run; of a directory of runs, those of all runs and a page of links.

    Args:
        directory: A run, or a directory with runs below it.
        out: The file; None for report.html in the directory.
        options: What the report shows.

    Returns:
        The file.

    Raises:
        ValueError: One line, if there is no finished run, or a name is not known.
    """
    script = vega_script()
    out = out or directory / NAME
    if out.is_dir():
        raise ValueError(f"{out} is a directory, --out must be a file such as {out / NAME}")
    if is_run(directory):
        run = read_run(directory)
        check_names(run, options)
        _write_run(run, out, options, script, [])
        return out
    directories = [p.parent for p in files_below(directory, "run.json") if is_run(p.parent)]
    if not directories:
        raise ValueError(no_run(directory, "nor does a directory below it"))
    found = [read_run(place) for place in directories]
    for run in found:
        check_names(run, options)
    for i, run in enumerate(found):
        links = [_link("sweep", out, run.directory)]
        links += [_link("previous run", found[i - 1].directory / NAME, run.directory)] if i else []
        if i + 1 < len(found):
            links.append(_link("next run", found[i + 1].directory / NAME, run.directory))
        options.note(printable(str(run.directory / NAME)))
        _write_run(run, run.directory / NAME, options, script, links)
    write_text_whole(out, render(_sweep_page(directory, out, found), script))
    return out


def _link(text: str, target: Path, start: Path) -> Link:
    return Link(text, quote(os.fsencode(os.path.relpath(target, start))))


def _write_run(run: RunFiles, out: Path, options: Options, script: str, links: list[Link]) -> None:
    sections = [curves(run.curve), *harq(run, options), *confusions(run), costs(run), repeat(run)]
    alerts = [str(failure) for failure in run.record.get("failed_cells", [])]
    missing = run.record.get("unreadable_images", [])
    if missing:
        alerts.append(f"{len(missing)} images could not be read; the first: {missing[0]}")
    page = Page(run.name, tables.settings(run), sections, links, alerts)
    write_text_whole(out, render(page, script))


def curves(curve: pd.DataFrame) -> Section:
    """Returns the section of the curves."""
    found = []
    for metric, title in TITLES.items():
        points = curve[(curve["metric"] == metric) & (curve["n"] > 0)]
        if len(points):
            percent = metric in ACCURACIES
            found.append(charts.curve_chart(f"curve-{metric}", title, points, percent))
    text = (
        "Means over all images with 95 % intervals. A click on a name in a legend shows that line "
        "alone; shift and click adds a line."
    )
    heads, rows = tables.values(curve)
    return Section("curves", "Curves", text, found, heads, rows, "Accuracies in percent")


def harq(run: RunFiles, options: Options) -> list[Section]:
    """Returns the sections of HARQ and of the shown queries, which share the repetition."""
    found, snrs = [], sorted(float(v) for v in run.curve["snr_db"].unique())
    senders = [
        s for s in run.schemes if run.images.query("scheme == @s")["transmissions"].max() > 0
    ]
    for i, scheme in enumerate(senders):
        rows = run.images[run.images["scheme"] == scheme]
        for column, what in (("transmissions", "transmissions"), ("stopped_by", "reason to stop")):
            shares, title = tables.shares(rows, column), f"{scheme}: {what}"
            ordered = column == "transmissions"
            found.append(charts.share_chart(f"{column}-{i}", title, shares, what, ordered))
    section = Section(
        "harq", "HARQ", "Share of images by number of transmissions and by reason to stop.", found
    )
    shown = Section("queries", "Queries", "")
    try:
        if not options.replay:
            raise ValueError("--no-replay was given")
        replay = Replay.open(run, options.trust, options.progress)
        for i, scheme in enumerate(senders):
            counts = replay.features(scheme, snrs)
            if len(counts):
                title = f"{scheme}: features"
                found.append(charts.feature_chart(f"features-{i}", title, counts))
        _show_queries(shown, replay, options, snrs)
    except ValueError as error:
        reason = f"Left out, because this run was not repeated: {error}."
        section.text += f" Features per transmission: {reason[0].lower()}{reason[1:]}"
        shown.text = reason
        options.note(f"note: {run.directory} was not repeated: {error}")
    return [section, shown]


def _show_queries(section: Section, replay: Replay, options: Options, snrs: list[float]) -> None:
    """Fills in the queries of the chosen scheme and SNR."""
    run = replay.run
    scheme = options.scheme or run.schemes[0]
    snr_db = snrs[0] if options.snr_db is None else options.snr_db
    section.text = (
        f"{scheme} at {snr_db:g} dB, seed {run.spec.seed}: the queries of highest and of lowest "
        "average precision (AP), at most one of each vehicle, and the gallery images that are most "
        "similar to them, the best one first. A check mark stands for the query's vehicle."
    )
    section.queries = queries(replay, scheme, snr_db)


def check_names(run: RunFiles, options: Options) -> None:
    """Refuses a scheme or an SNR that a run does not have.

    Raises:
        ValueError: One line.
    """
    snrs = [f"{v:g}" for v in sorted(run.curve["snr_db"].unique())]
    if options.scheme is not None and options.scheme not in run.schemes:
        raise ValueError(
            f"unknown scheme {options.scheme!r}: {nearest(options.scheme, run.schemes)}"
        )
    if options.snr_db is not None and f"{options.snr_db:g}" not in snrs:
        raise ValueError(f"the run has no SNR of {options.snr_db:g} dB: {', '.join(snrs)}")


def confusions(run: RunFiles) -> list[Section]:
    """Returns the section of the confusion matrices, if there are labels."""
    found = []
    for task in ("color", "type"):
        counts = tables.confusion(run.images, task)
        if len(counts):
            found.append(charts.confusion_chart(f"confusion-{task}", f"{task}", counts))
    text = "Share of the images of each label that the receiver recognized as each class."
    return [Section("confusion", "Color and type", text, found)]


def costs(run: RunFiles) -> Section:
    """Returns the section of the ledger."""
    heads, rows = tables.costs(run.curve)
    text = "Means per image, counted by the simulator."
    return Section("costs", "Ledger and costs", text, [], heads, rows, "All costs", True)


def repeat(run: RunFiles) -> Section:
    """Returns the section of the spec and the command that repeats the run."""
    # The name of "." and of "x/.." is not its last part, and the new run is beside, not inside it.
    beside = run.directory.parent if run.directory.name not in ("", "..") else run.directory / ".."
    words = ["simulate", "--spec", str(run.directory / "run.json")]
    words += ["--trust"] if parts_of(run.spec) else []
    command = printable(shlex.join([*words, "--out", str(beside / f"{run.name}-again")]))
    text = "This command repeats the run; run.json holds all that the result depends on:"
    return Section("spec", "Specification", text, command=command, record=run.record)


def _sweep_page(directory: Path, out: Path, runs: list[RunFiles]) -> Page:
    parts, rows = [], []
    for number, run in enumerate(runs, 1):  # the names of runs are too long for a legend
        name = printable(os.path.relpath(run.directory, directory))
        parts.append(run.curve.assign(line=run.curve["line"] + f", run {number}"))
        points = run.curve.groupby(["scheme", "snr_db"]).ngroups
        link = _link(name, run.directory / NAME, out.parent)
        row: list[Any] = [
            str(number),
            link,
            ", ".join(run.schemes),
            run.curve["channel"].iloc[0],
            str(points),
        ]
        rows.append(row)
    together = pd.concat(parts, ignore_index=True)
    index = Section(
        *("runs", "Runs", f"{len(runs)} runs; each directory leads to the report of the run."),
        heads=["run", "directory", "schemes", "channel", "points"],
        rows=rows,
        caption="Runs",
        open=True,
    )
    return Page(directory.resolve().name, [], [index, curves(together)], [], [])
