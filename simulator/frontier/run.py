"""Makes the frontier: runs the settings of a sweep file, and writes tables and figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pandas as pd

from semantic.suggest import nearest
from semantic.weights.files import WeightsError
from semantic.weights.vq import VQ
from simulator.encoded_dataset import EncodedDataset
from simulator.files import write_whole
from simulator.frontier.bound import Lines
from simulator.frontier.draw import draw_capacity, draw_frontier
from simulator.frontier.jobs import FrontierRun, Outcome
from simulator.frontier.points import LEVELS, PRICES, fronts, operating_points
from simulator.frontier.tables import markdown
from simulator.results.curve import ACCURACIES
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.sweepfile import Combination, directory_name, read_sweep
from simulator.sweeps.worker import Failure

#: Sweep files of the package by name.
PRESETS = {name: Path(__file__).parent / f"{name}.toml" for name in ("small", "full")}
#: Scheme that the tables compare with the best other one.
OURS = "plus-hybrid"

#: Does runs, in any order; it reuses points that are finished in their directories.
RunAll = Callable[[Sequence[FrontierRun]], Iterator[Outcome]]


@dataclass(frozen=True)
class Wanted:
    """What is made.

    Attributes:
        file: Sweep file.
        out: Directory of the results; every run has a directory below it.
        metrics: Accuracies of the tables and figures.
        schemes: Only these schemes; empty for all of the file.
        complete: Applies the options of the command line to the spec of a run.
    """

    file: Path
    out: Path
    metrics: tuple[str, ...] = ("mAP", "rank1")
    schemes: tuple[str, ...] = ()
    complete: Callable[[RunSpec], RunSpec] = lambda spec: spec

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if metric not in ACCURACIES:
                raise ValueError(f"unknown metric {metric!r}: {nearest(metric, ACCURACIES)}")

    def runs(self) -> list[tuple[Combination, RunSpec]]:
        """Returns the runs of the file that are wanted.

        Raises:
            ValueError: If the file is wrong, or has no run of a scheme.
        """
        every = [(about, self.complete(spec)) for about, spec in read_sweep(self.file)]
        known = {scheme: None for _, spec in every for scheme in spec.schemes}
        for scheme in self.schemes:
            if scheme not in known:
                raise ValueError(f"{self.file} has no scheme {scheme!r}: {nearest(scheme, known)}")
        wanted = {*(self.schemes or known)}
        return [(about, spec) for about, spec in every if wanted & {*spec.schemes}]


def sweep_file(text: str) -> Path:
    """Returns the sweep file of a preset, or the file itself.

    >>> sweep_file("small").name
    'small.toml'
    """
    return PRESETS.get(text, Path(text))


def make_frontier(
    wanted: Wanted, run_all: RunAll, announce: Callable[[str], None]
) -> tuple[pd.DataFrame, list[str]]:
    """Runs what is missing, and writes the files.

    Schemes without weights are left out with a note, so that the frontier of the others can be made.

    Args:
        wanted: What is made.
        run_all: Does the runs.
        announce: Called with a line of text after each run, and for each note.

    Returns:
        The operating points, and the names of the files.

    Raises:
        ValueError: If the sweep file is wrong, no run is left, or runs have failed; then the files
            are of the others.
    """
    jobs = {FrontierRun(spec, wanted.out / directory_name(a)): a for a, spec in wanted.runs()}
    found, failures = dict[FrontierRun, pd.DataFrame](), list[Failure]()
    for number, (job, outcome) in enumerate(run_all([*jobs]), 1):
        announce(f"run {number} of {len(jobs)}: {job}")
        if isinstance(outcome, pd.DataFrame):
            found[job] = operating_points(outcome, settings(jobs[job]))
            continue
        announce(f"left out: {outcome}")
        if isinstance(outcome, Failure):
            failures.append(outcome)
    if not found:
        why = f": {failures[0]}" if failures else ""
        raise ValueError(f"{wanted.file}: no run could be made{why}")
    made = [job for job in jobs if job in found]  # in the order of the file
    points = pd.concat([found[job] for job in made], ignore_index=True)
    lines = reference_lines(made[-1].spec, sorted(points["snr_db"].unique()), announce)
    names = write_files(points, lines, wanted.metrics, wanted.out)
    if failures:
        raise ValueError(f"{len(failures)} of {len(jobs)} runs have failed; first {failures[0]}")
    return points, names


def settings(combination: Combination) -> str:
    """Returns the settings of a run in one line, without its scheme.

    >>> settings({"schemes": "semharq", "max_transmissions": 4, "scheme_args.theta_0_db": 1})
    'max_transmissions=4 theta_0_db=1'
    """
    return " ".join(
        f"{name.rpartition('.')[2]}={value}"
        for name, value in combination.items()
        if name != "schemes"
    )


def reference_lines(
    spec: RunSpec, snr_db: Sequence[float], announce: Callable[[str], None]
) -> pd.DataFrame:
    """Returns the reference lines on the images of a run; empty without a quantizer.

    Of several trainings, the lines are of the first one.
    """
    if spec.trainings:
        spec = replace(spec, trainings=(), weights=spec.trainings[0])
    try:
        opened = prepare(replace(spec, schemes=(VQ,), scheme_args=()))
    except WeightsError as error:
        announce(f"no reference lines: {error}")
        return pd.DataFrame()
    encoder = opened.networks.encoder
    images = EncodedDataset(opened.dataset, encoder, opened.device, lambda what, done, total: None)
    return Lines(opened.networks.vq(), images, opened.channel).rows(snr_db, LEVELS)


def write_files(
    points: pd.DataFrame, lines: pd.DataFrame, metrics: tuple[str, ...], out: Path
) -> list[str]:
    """Writes points, fronts, reference lines, tables and figures; returns the names."""
    out.mkdir(parents=True, exist_ok=True)
    tables = {"frontier.csv": points, **({"frontier-bounds.csv": lines} if len(lines) else {})}
    names = []

    def write(name: str, function: Callable[[Path], object]) -> None:
        write_whole(out / name, function)
        names.append(name)

    for price in PRICES:
        tables[f"frontier-{price}.csv"] = fronts(points, price)
        text = markdown(points, lines, metrics, price, OURS)
        write(f"frontier-{price}.md", partial(_write_text, text))
        for suffix in ("png", "pdf"):
            for metric in metrics:
                draw = partial(draw_frontier, points, lines, metric, price)
                write(f"frontier-{metric}-{price}.{suffix}", draw)
            write(f"capacity-{price}.{suffix}", partial(draw_capacity, points, price))
    for name, table in tables.items():
        write(name, partial(table.to_csv, index=False))
    return names


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
