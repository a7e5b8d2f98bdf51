"""The sweep: every scheme at every SNR and seed over the same images, fading and noise.

spec -> points -> cells -> engine -> store -> per-image rows -> curve

A finished point is a file that is named by a hash of all that its numbers depend on. So a run that
was killed, or that asks for more than the last one, computes only what is missing.
"""

from __future__ import annotations

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
from simulator.sweeps.seeds import SeedSummary, enough, summarize
from simulator.sweeps.store import Store
from simulator.sweeps.worker import Failure, attempt

#: Small tables that are held side by side.
TABLES_HELD = 64


@dataclass(frozen=True)
class Result:
    """What a run gives.

    Attributes:
        spec: What was run.
        curve: Tidy points with intervals.
        hashes: SHA-256 of the weights files used.
        problems: One line per image that could not be read.
        failures: Cells without a result; their points are missing.
        count: Images of a point.
        store: The finished points.
        names: Their files, in the order of schemes, SNRs and seeds.
    """

    spec: RunSpec
    curve: pd.DataFrame
    hashes: dict[str, str]
    problems: tuple[str, ...]
    failures: tuple[Failure, ...]
    count: int
    store: Store
    names: dict[Point, str]
    keep: ExitStack = field(default_factory=ExitStack, repr=False)  # a temporary store's life

    def tables(self, at_least: int | None = 65536) -> Iterator[pd.DataFrame]:
        """The per-image rows in tables of at least so many rows, or in one."""
        found = (stored_rows(self.store, name) for name in self.names.values())
        return joined_tables(found, at_least)

    @cached_property
    def images(self) -> pd.DataFrame:
        """One row per scheme, SNR, seed and image."""
        (table,) = self.tables(at_least=None)
        return table


def simulate(spec: RunSpec, progress: Progress = lambda what, done, total: None) -> Result:
    """Runs a spec in this process and keeps nothing on disk.

    Args:
        spec: What to run.
        progress: Called with (what, done, total).

    Raises:
        ValueError: One line that names what is wrong with the spec, the data or the weights.
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
        out: Directory that keeps finished cells and has those of earlier runs; None for none.
        engine: Where cells are computed; this process by default.
        resume: Whether to take up finished cells.

    Raises:
        StoreError: When another run holds the directory, or it cannot be written to.
        EngineError: When the engine is gone.
        ValueError: When not one point could be simulated; the first reason.
    """
    keep = ExitStack()
    if out is None:
        out = Path(keep.enter_context(TemporaryDirectory(prefix="semharq-")))
    store = Store(out)
    with store.held(), (engine or Engine()).kept_open() as engine:
        if not resume:
            store.remove([*store.names("*.rows"), *store.names("*.block")])
        bench = CellRunner(prepared, progress)
        work = _Run(bench, store, engine, progress)
        work.simulate()
    names, failures = work.finished(), tuple(work.collector.failures)
    if not names:
        raise ValueError(f"not one point could be simulated: {failures[0]}")
    return Result(
        spec=prepared.spec,
        curve=stored_curve(store, names),
        hashes=dict(prepared.networks.hashes),
        problems=bench.readable.problems,
        failures=failures,
        count=len(bench.kept),
        store=store,
        names=names,
        keep=keep,
    )


class _Run:
    """The points of one run on their way: which there are, which are done, which come next."""

    def __init__(self, bench: CellRunner, store: Store, engine: Engine, progress: Progress) -> None:
        self.bench, self.engine, self.progress = bench, engine, progress
        self.spec = bench.prepared.spec
        self.rule = None if self.spec.until is None else StopRule.parse(self.spec.until)
        self.collector = Collector(bench, store, engine.cell_images)
        self.summaries: dict[tuple[str, float], list[SeedSummary]] = {}
        self.points: list[Point] = []
        self.images_done = 0

    def simulate(self) -> None:
        """Computes every point that is not there yet, and further seeds until there are enough."""
        seeds = range(self.spec.seed, self.spec.seed + self.spec.seeds)
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
            self.images_done += len(self.bench.kept) * (len(wanted) - len(missing))
            self._compute(missing)
            wanted = [] if self.rule is None else list(self._further(wanted, self.rule))

    def finished(self) -> dict[Point, str]:
        """Files of the finished points, in the order of schemes, SNRs and seeds."""
        schemes, snrs = self.spec.schemes, self.spec.snr_db
        order = sorted(
            self.collector.done,
            key=lambda p: (schemes.index(p.scheme), snrs.index(p.snr_db), p.seed),
        )
        return {point: self.collector.done[point] for point in order}

    def _compute(self, points: Sequence[Point]) -> None:
        cells = [c for p in points for c in self.collector.open_cells(p)]
        total = len(self.bench.kept) * len(self.points)

        def step(images: int) -> None:
            self.images_done += images
            self.progress("simulating", self.images_done, total)

        gpu = self.bench.prepared.device.startswith("cuda")
        engine = self.engine.chosen(cells, gpu)
        self.collector.expect(len(cells))
        outcomes = engine.outcomes(
            iter(cells),
            lambda cell, timeout_s: attempt(
                lambda: self.bench.compute(cell, step), cell, timeout_s
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
        """The next seed of every point that does not have enough of them."""
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
    """The per-image rows of a finished point.

    Raises:
        ValueError: When its file is gone.
    """
    found = store.read(name)
    if found is None:
        raise ValueError(f"{store.root / name} is gone; run again to compute it")
    return read_rows(found[1])


def stored_curve(store: Store, names: dict[Point, str]) -> pd.DataFrame:
    """The curve of finished points, with the rows of one scheme at a time in memory."""
    parts: list[pd.DataFrame] = []
    for scheme in dict.fromkeys(point.scheme for point in names):
        mine = (stored_rows(store, name) for point, name in names.items() if point.scheme == scheme)
        (rows,) = joined_tables(mine, at_least=None)
        parts.append(curve(rows))
    return pd.concat(parts, ignore_index=True)


def joined_tables(tables: Iterator[pd.DataFrame], at_least: int | None) -> Iterator[pd.DataFrame]:
    """Tables of at least so many rows, or one of all, out of small ones.

    Many small tables take far more memory than their rows do: they are joined as they come.
    """
    held: list[pd.DataFrame] = []
    for table in tables:
        held.append(table)
        if len(held) == TABLES_HELD:
            held = [pd.concat(held, ignore_index=True)]
        if at_least is not None and sum(map(len, held)) >= at_least:
            yield pd.concat(held, ignore_index=True)
            held = []
    if held:
        yield pd.concat(held, ignore_index=True)
