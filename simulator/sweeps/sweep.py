"""The sweep: every scheme at every SNR and seed over the same images, fading and noise.

spec -> points -> cells -> engine -> store -> per-image rows -> curve

A finished point is a file whose name contains a hash of the point's identity. A run that was
killed, or that has more points than the last one, therefore computes only the missing points.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from simulator.encoded_dataset import Progress
from simulator.results.curve import curve
from simulator.setup.prepare import Prepared, prepare
from simulator.spec import RunSpec
from simulator.stop_rule import StopRule
from simulator.sweeps.cells import CellRunner, Point, read_rows
from simulator.sweeps.collect import Collector
from simulator.sweeps.engines import Engine
from simulator.sweeps.limits import check_cells, check_load
from simulator.sweeps.part_code import not_noticed
from simulator.sweeps.seeds import SeedSummary, enough, summarize
from simulator.sweeps.store import Store
from simulator.sweeps.worker import Failure, attempt, computed

LOG = logging.getLogger(__name__)
#: Most small tables in memory before they are joined.
MOST_TABLES = 64


@dataclass(frozen=True)
class Result:
    """The result of a run.

    Attributes:
        spec: The spec of the run.
        curve: One row per scheme, SNR and metric, with its interval.
        hashes: SHA-256 of the weights files that were used.
        problems: One line per file that the data set has and the run leaves out.
        failures: Cells without a result; their points are missing.
        count: Number of images of a point.
        store: The files of the finished points.
        names: Names of these files, in the order of schemes, SNRs and seeds.
        files: SHA-256 of the files that users' own parts read, by path.
        not_recorded: One text for each dependency of users' code that no identity contains.
    """

    spec: RunSpec
    curve: pd.DataFrame
    hashes: dict[str, str]
    problems: tuple[str, ...]
    failures: tuple[Failure, ...]
    count: int
    store: Store
    names: dict[Point, str]
    keep: ExitStack = field(default_factory=ExitStack, repr=False)  # keeps a temporary store
    files: dict[str, str] = field(default_factory=dict)
    not_recorded: tuple[str, ...] = ()

    def tables(self, at_least: int | None = 65536) -> Iterator[pd.DataFrame]:
        """Yields the per-image rows in tables of at least so many rows; None for one table."""
        found = (stored_rows(self.store, name) for name in self.names.values())
        return joined_tables(found, at_least)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per scheme, SNR, seed and image."""
        (table,) = self.tables(at_least=None)
        return table


def run_spec(spec: RunSpec, progress: Progress = lambda what, done, total: None) -> Result:
    """Runs a spec in this process and keeps nothing on disk.

    Args:
        spec: The spec of the run.
        progress: Called with (what, done, total).

    Raises:
        ValueError: One line that names the error in the spec, the data or the weights.
    """
    return run(prepare(spec), progress)


def run(
    prepared: Prepared,
    progress: Progress = lambda what, done, total: None,
    out: Path | None = None,
    engine: Engine | None = None,
    resume: bool = True,
) -> Result:
    """Runs what `prepare` opened.

    Args:
        prepared: The run.
        progress: Called with (what, done, total).
        out: Directory of the finished cells, also of earlier runs; None keeps nothing.
        engine: Where cells are computed; this process by default.
        resume: Whether to reuse finished cells.

    Raises:
        StoreError: If another run uses the directory, or if it cannot be written to.
        EngineError: If the engine has stopped.
        ValueError: If no point could be simulated; the message has the first reason.
    """
    check_load(prepared.spec)
    keep = ExitStack()
    if out is None:
        out = Path(keep.enter_context(TemporaryDirectory(prefix="semharq-")))
    store = Store(out)
    with store.locked(), (engine or Engine()).kept_open() as engine:
        if not resume:
            store.remove([*store.names("*.rows"), *store.names("*.block")])
        runner = CellRunner(prepared, progress)
        if runner.not_recorded:
            LOG.warning(not_noticed(runner.not_recorded))
        work = _Run(runner, store, engine, progress)
        work.simulate()
    names, failures = work.finished(), tuple(work.collector.failures)
    if not names:
        raise ValueError(f"not one point could be simulated: {failures[0]}")
    return Result(
        spec=prepared.spec,
        curve=stored_curve(store, names),
        hashes=dict(prepared.networks.hashes),
        problems=(*prepared.dataset.left_out, *runner.readable.problems),
        failures=failures,
        count=len(runner.kept),
        store=store,
        names=names,
        keep=keep,
        files={path: sha for files in prepared.files.values() for path, sha in files.items()},
        not_recorded=runner.not_recorded,
    )


class _Run:
    """The points of one run: computes those that are missing, and adds seeds by the stop rule."""

    def __init__(
        self, runner: CellRunner, store: Store, engine: Engine, progress: Progress
    ) -> None:
        self.runner, self.engine, self.progress = runner, engine, progress
        self.spec = runner.prepared.spec
        self.rule = None if self.spec.until is None else StopRule.parse(self.spec.until)
        self.collector = Collector(runner, store, engine.cell_images)
        self.summaries: dict[tuple[str, float], list[SeedSummary]] = {}
        self.points: list[Point] = []
        self.images_done = 0

    def simulate(self) -> None:
        """Computes every missing point, and further seeds until the stop rule has enough."""
        seeds = range(self.spec.seed, self.spec.seed + self.spec.seeds)
        points = len(self.spec.schemes) * len(self.spec.snr_db) * len(seeds)
        check_cells(points, len(self.runner.kept), self.collector.images_per_cell)
        wanted = [
            Point(scheme, snr_db, seed)
            for scheme in self.spec.schemes
            for snr_db in self.spec.snr_db
            for seed in seeds
        ]
        while wanted:
            self.points += wanted
            self.collector.plan(self.points)
            missing = self.collector.missing(wanted)
            self.images_done += len(self.runner.kept) * (len(wanted) - len(missing))
            self._compute(missing)
            wanted = [] if self.rule is None else list(self._further(wanted, self.rule))

    def finished(self) -> dict[Point, str]:
        """Returns the files of the finished points, in the order of schemes, SNRs and seeds."""
        schemes, snrs = self.spec.schemes, self.spec.snr_db
        order = sorted(
            self.collector.done,
            key=lambda p: (schemes.index(p.scheme), snrs.index(p.snr_db), p.seed),
        )
        return {point: self.collector.done[point] for point in order}

    def _compute(self, points: Sequence[Point]) -> None:
        cells = [c for p in points for c in self.collector.missing_cells(p)]
        total = len(self.runner.kept) * len(self.points)

        def step(images: int) -> None:
            self.images_done += images
            self.progress("simulating", self.images_done, total)

        gpu = self.runner.prepared.device.startswith("cuda")
        engine = self.engine.chosen(cells, gpu)
        self.collector.expect(len(cells))
        outcomes = engine.outcomes(
            iter(cells),
            lambda cell, timeout_s: attempt(
                lambda: computed(self.runner, cell, step), cell, timeout_s
            ),
            gpu,
        )
        try:
            for cell, outcome in outcomes:
                self.collector.take(cell, outcome)
                if engine.name != "inline":
                    step(cell.stop - cell.first)
        finally:
            outcomes.close()

    def _further(self, last: Sequence[Point], rule: StopRule) -> Iterator[Point]:
        """Yields the next seed of every scheme and SNR that does not have enough seeds."""
        for point in last:
            if point in self.collector.done:
                rows = stored_rows(self.collector.store, self.collector.done[point])
                group = self.summaries.setdefault((point.scheme, point.snr_db), [])
                group.append(summarize(rows))
        newest = {(point.scheme, point.snr_db): point for point in last}  # the highest seed
        for (scheme, snr_db), point in newest.items():
            seeds = point.seed - self.spec.seed + 1
            found = self.summaries.get((scheme, snr_db))
            if found is None or enough(rule, found) or seeds >= self.spec.max_seeds:
                continue
            yield Point(scheme, snr_db, point.seed + 1)


def stored_rows(store: Store, name: str) -> pd.DataFrame:
    """Reads the per-image rows of a finished point.

    Raises:
        ValueError: If its file is gone.
    """
    found = store.read(name)
    if found is None:
        raise ValueError(f"{store.root / name} is gone; run again to compute it")
    return read_rows(found[1])


def stored_curve(store: Store, names: dict[Point, str]) -> pd.DataFrame:
    """Computes the curve of finished points, with the rows of one scheme at a time in memory."""
    parts: list[pd.DataFrame] = []
    for scheme in dict.fromkeys(point.scheme for point in names):
        mine = (stored_rows(store, name) for point, name in names.items() if point.scheme == scheme)
        (rows,) = joined_tables(mine, at_least=None)
        parts.append(curve(rows))
    return pd.concat(parts, ignore_index=True)


def joined_tables(tables: Iterator[pd.DataFrame], at_least: int | None) -> Iterator[pd.DataFrame]:
    """Joins small tables into tables of at least so many rows; None for one table.

    Many small tables need far more memory than their rows, so they are joined as they come.
    """
    waiting: list[pd.DataFrame] = []
    for table in tables:
        waiting.append(table)
        if len(waiting) == MOST_TABLES:
            waiting = [_joined(waiting)]
        if at_least is not None and sum(map(len, waiting)) >= at_least:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Joins tables. Seeds from 2^63 on are unsigned: beside smaller ones, pandas would round both."""
    if len({table["seed"].dtype for table in tables if "seed" in table}) > 1:
        tables = [table.astype({"seed": "uint64"}) for table in tables]
    return pd.concat(tables, ignore_index=True)
