"""Evaluation of the trainings of a plan: points and paired differences, as two tidy CSV files.

Every (reading, seed) is a run of its own with the schemes that are trained with it and the controls.
A run that is there is not computed again. Weights that readings share are evaluated once. A reading
without runs keeps its rows of the CSV files, so that a plan can be evaluated part by part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchmarks.atlas.comparisons import COMPARISONS, CONTROLS
from semantic.weights.files import file_hash
from simulator.files import write_whole
from simulator.results.compare import paired_difference
from simulator.results.curve import ACCURACIES, point
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import run
from simulator.training.plan import TrainingPlan

METRICS = (*ACCURACIES, "transmissions", "channel_uses", "feedback_bits", "side_information_bits")
#: Columns that every row of the CSV files begins with.
KEYS = ["reading", "scheme", "training_seed", "snr_db", "metric"]


@dataclass(frozen=True)
class Evaluation:
    """The runs of a plan.

    Attributes:
        plan: The plan of the trainings.
        weights: Directory of its weights.
        spec: Data, SNRs and seeds of the runs.
        out: Directory of the runs and CSV files.
    """

    plan: TrainingPlan
    weights: Path
    spec: RunSpec
    out: Path

    def directory(self, reading: str, seed: int) -> Path:
        """Returns the directory of the run of a reading and a training seed."""
        return self.out / "runs" / reading / f"seed-{seed}"

    def file(self, reading: str, scheme: str, seed: int) -> Path:
        """Returns the weights of a scheme in a reading, wherever they were trained."""
        source = "semharq" if scheme in CONTROLS else scheme
        of = self.plan.trained_by(reading, source)
        return self.weights / of / f"seed-{seed}" / f"{source}.safetensors"

    def schemes(self, reading: str, seed: int) -> tuple[str, ...]:
        """Returns the schemes that are run with a reading: those trained, and controls of semharq."""
        trained = self.plan.trained(reading)
        found = [s for s in trained if self.file(reading, s, seed).exists()]
        return (*found, *(CONTROLS if "semharq" in found else ()))

    def run(self, reading: str, seed: int, engine: Engine) -> Path | None:
        """Runs what is missing of one reading and seed; None if nothing of it is trained."""
        schemes, out = self.schemes(reading, seed), self.directory(reading, seed)
        if not schemes:
            return None
        preset = self.plan.readings[reading].preset
        weights = str(self.weights / reading / f"seed-{seed}")
        spec = replace(
            self.spec,
            schemes=schemes,
            weights=weights,
            channel=preset.channel,
            channel_args=preset.channel_args,
        )
        write_result(run(prepare(spec), out=out, engine=engine), out)
        return out

    def rows(self, reading: str, scheme: str) -> pd.DataFrame:
        """Returns the per-image rows of a scheme in a reading, with the training seed as "training"."""
        source = "semharq" if scheme in CONTROLS else scheme
        of = self.plan.trained_by(reading, source)
        parts = []
        for seed in self.plan.seeds:
            path = self.directory(of, seed) / "images.parquet"
            if path.exists():
                table = pd.read_parquet(path, filters=[("scheme", "==", scheme)])
                parts.append(table.assign(training=seed))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def evaluate(
    task: Evaluation, engine: Engine, show: Callable[[str], None], only: Sequence[str] = ()
) -> None:
    """Runs every reading and seed, then writes points.csv and differences.csv.

    Args:
        task: The runs.
        engine: Where they are computed.
        show: Takes a line of text.
        only: Names of the readings to run, with those whose weights they use; all if empty.

    Raises:
        ValueError: For a reading that the plan does not have.
    """
    with engine.kept_open() as kept:
        for reading in task.plan.owners(only or [*task.plan.readings]):
            for seed in task.plan.seeds:
                if task.run(reading, seed, kept) is not None:
                    show(f"evaluated: {reading}/seed-{seed}")
    points, differences = [], []
    for reading, planned in task.plan.readings.items():
        names = (*planned.schemes, *(CONTROLS if "semharq" in planned.schemes else ()))
        tables = {name: task.rows(reading, name) for name in names}
        tables = {name: rows for name, rows in tables.items() if len(rows)}
        points += list(_points(task, reading, tables))
        differences += list(_differences(reading, tables))
    _write(task.out / "points.csv", points, task.plan.readings)
    _write(task.out / "differences.csv", differences, task.plan.readings)


def _points(
    task: Evaluation, reading: str, tables: dict[str, pd.DataFrame]
) -> Iterator[dict[str, object]]:
    """Yields the points of each training, and those over all trainings ("all")."""
    for scheme, rows in tables.items():
        of = task.plan.trained_by(reading, "semharq" if scheme in CONTROLS else scheme)
        parts: list[tuple[object, pd.DataFrame]] = [("all", rows)]
        parts += [(seed, part) for seed, part in rows.groupby("training")]
        for seed, part in parts:
            file = None if seed == "all" else task.file(reading, scheme, int(str(seed)))
            about = {"weights_of": of, "weights_sha256": "" if file is None else file_hash(file)}
            for snr_db, at in part.groupby("snr_db"):
                for metric in METRICS:
                    key = dict(zip(KEYS, (reading, scheme, seed, snr_db, metric), strict=True))
                    yield {**key, **point(at, metric), **about}


def _differences(reading: str, tables: dict[str, pd.DataFrame]) -> Iterator[dict[str, object]]:
    """Yields the paired differences over the training seeds that both schemes have."""
    for name, (a, b) in COMPARISONS.items():
        if a not in tables or b not in tables:
            continue
        common = {*tables[a]["training"]} & {*tables[b]["training"]}
        ours, theirs = (tables[s][tables[s]["training"].isin(common)] for s in (a, b))
        others = dict(list(theirs.groupby("snr_db")))
        for snr_db, rows in ours.groupby("snr_db"):
            for metric in ACCURACIES if snr_db in others else ():
                key = {"reading": reading, "comparison": name, "snr_db": snr_db, "metric": metric}
                yield {**key, **paired_difference(rows, others[snr_db], metric)}


def _write(path: Path, rows: Sequence[dict[str, object]], order: Iterable[str]) -> None:
    """Writes rows in the order of the plan; a reading that has none keeps those of the file."""
    table = pd.DataFrame(rows).round(4)
    if path.exists():
        old = pd.read_csv(path)
        found = {*table["reading"]} if len(table) else set()
        table = pd.concat([table, old[~old["reading"].isin(found)]], ignore_index=True)
    if len(table):
        place = {name: number for number, name in enumerate(order)}
        by_place = table["reading"].map(place).sort_values(kind="stable", na_position="last")
        table = table.loc[by_place.index]
    write_whole(path, lambda temporary: table.to_csv(temporary, index=False))
