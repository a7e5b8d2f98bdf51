"""The runs of a frontier as jobs of an engine: each is one run of the sweep file.

A run has few cells, so whole runs are what workers share. Its trainings, SNRs and seeds follow each
other in one worker, which keeps finished points as every run does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from semantic.weights.files import WeightsError
from simulator.encoded_dataset import Progress
from simulator.setup.prepare import choose_device, prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.forkserver import default_workers
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import Result, run
from simulator.sweeps.trainings import different_trainings, run_trainings
from simulator.sweeps.worker import Failure, attempt


@dataclass(frozen=True)
class FrontierRun:
    """One run of a frontier.

    Attributes:
        spec: The spec of the run.
        out: Its directory.
    """

    spec: RunSpec
    out: Path

    def __str__(self) -> str:
        return self.out.name


#: A run with its curve, why it is left out, or why it has failed.
Outcome = tuple[FrontierRun, "pd.DataFrame | WeightsError | Failure"]


def curve_of(
    job: FrontierRun, progress: Progress = lambda what, done, total: None
) -> pd.DataFrame | WeightsError:
    """Returns the curve of a run over all its trainings, or which weights it has not."""

    def one(spec: RunSpec, directory: Path | None) -> Result:
        where = directory or job.out
        result = run(prepare(spec), progress, where)
        if result.failures:
            raise ValueError(f"{where}: {result.failures[0]}")
        write_result(result, where, figure=False)
        return result

    try:
        spec = different_trainings(job.spec) if job.spec.trainings else job.spec
        result = run_trainings(spec, job.out, one)
    except WeightsError as error:
        return error
    if spec.trainings:
        write_result(result, job.out, figure=False)
    return result.curve


def in_worker(
    job: FrontierRun, timeout_s: float | None = None
) -> pd.DataFrame | WeightsError | Failure:
    """Does `curve_of` in a worker."""
    return attempt(lambda: curve_of(job), job, timeout_s)


def run_all(
    jobs: Sequence[FrontierRun], workers: int | None, progress: Progress
) -> Iterator[Outcome]:
    """Runs all jobs, and yields each with its outcome as they finish.

    Args:
        jobs: The runs.
        workers: Processes; None for one for each core, but one alone on a GPU.
        progress: Shows what this process computes.
    """
    if workers is None:
        gpu = bool(jobs) and choose_device(jobs[0].spec.device).startswith("cuda")
        workers = 1 if gpu else default_workers()
    # The first run encodes the images; the others find the encoder's outputs in the cache.
    here = jobs if workers == 1 else jobs[:1]
    for job in here:
        yield job, curve_of(job, progress)
    rest = jobs[len(here) :]
    if rest:
        engine: Any = Engine("local", workers)
        yield from engine.outcomes(iter(rest), in_worker, work=in_worker)
