"""`simulate train --plan`: a queue of trainings on the engines of runs, which is taken up again.

All links with f sent complete are trained first, then the schemes, each from the link of its reading
and seed. Weights that are there are kept; a training that was cut goes on from its checkpoint.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from semantic.training.checkpoint import hash_of
from semantic.training.labels import Labels
from semantic.weights.files import read_weights
from simulator.files import write_whole
from simulator.setup.prepare import choose_device
from simulator.sweeps.engines import Engine
from simulator.sweeps.forkserver import default_workers
from simulator.sweeps.worker import Failure
from simulator.training.code import training_code
from simulator.training.data import open_training_images, refuse_few_vehicles
from simulator.training.encoder import open_encoder, read_training_images
from simulator.training.given_encoder import take_encoder
from simulator.training.jobs import TrainingJob, labels_path, train_job
from simulator.training.other_options import refuse_other_options
from simulator.training.plan import WITHOUT_COMPLETE, read_plan
from simulator.training.plan_table import write_table
from simulator.training.presets import Preset, presets
from simulator.training.stage import Stage
from simulator.training.views import encoder_outputs, outputs_path


def train_plan(
    path: Path,
    preset: str,
    data_spec: str,
    encoder: Path,
    out: Path,
    engine: Engine,
    device: str,
    show: Callable[[str], None],
    only: tuple[str, ...] = (),
) -> int:
    """Trains the missing weights of a plan; returns the number of trainings that failed.

    Args:
        path: The plan.
        preset: Name of the preset that the plan changes.
        data_spec: Training images, as --data names them.
        encoder: The encoder of all trainings.
        out: Directory of the weights.
        engine: Where trainings are computed.
        device: Torch device.
        show: Takes a line of text.
        only: Names of readings; all if empty.

    Raises:
        ValueError: For a wrong plan, data or encoder, before any work.
    """
    base = presets(1)[preset]
    read_plan(path, base)  # mistakes are found before images are read
    images = open_training_images(data_spec, show)
    base = presets(len(images))[preset]
    plan = read_plan(path, base)
    for planned in plan.readings.values():
        refuse_few_vehicles(images, len(images), planned.preset)
    out.mkdir(parents=True, exist_ok=True)
    stage = Stage(out, base, (), choose_device(device), show)
    pixels = read_training_images(images, _stored(base, preset), out, show)
    data, note = _shared(stage, encoder, pixels)
    wanted = plan.only(only) if only else plan
    # Weights that a reading shares are trained under the name of the reading that they belong to.
    cells = dict.fromkeys(
        (plan.trained_by(name, scheme), seed, scheme)
        for name, planned in wanted.readings.items()
        for seed in plan.seeds
        for scheme in planned.schemes
    )
    jobs = [
        TrainingJob(out, of, seed, scheme, plan.readings[of].seeded(seed), stage.device, data, note)
        for of, seed, scheme in cells
    ]
    failures = _train_all(jobs, engine, show)
    write_table(plan, out, failures, {str(job) for job in jobs})
    return len(failures)


def _stored(base: Preset, preset: str) -> int:
    """Returns the edge in pixels at which `simulate train` keeps training images."""
    return max(base.image_size, 128) if preset == "synthetic" else base.image_size


def _shared(stage: Stage, encoder: Path, images: Any) -> tuple[Path, tuple[tuple[str, Any], ...]]:
    """Writes what all trainings share, once; returns the file of s and the hashes of the note."""
    take_encoder(encoder, stage, images)
    network = open_encoder(stage)
    s, labels = encoder_outputs(stage, network, images)
    data = outputs_path(stage.out, network, images)
    _write_labels(labels_path(data), labels)
    return data, (("data_sha256", _data_hash(s, labels)), ("code_sha256", training_code()))


def _data_hash(s: Tensor, labels: Labels) -> str:
    return hash_of(s, *labels.columns)


def _write_labels(path: Path, labels: Labels) -> None:
    names = ("vehicle", "color", "type")
    columns: Any = {n: c.cpu().numpy() for n, c in zip(names, labels.columns, strict=True)}
    buffer = io.BytesIO()
    np.savez(buffer, **columns)
    write_whole(path, lambda temporary: temporary.write_bytes(buffer.getvalue()))


def _train_all(
    jobs: Sequence[TrainingJob], engine: Engine, show: Callable[[str], None]
) -> dict[str, str]:
    """Trains in two waves, the links with f complete and then the schemes; returns the failures."""
    failures: dict[str, str] = {}
    needed = (job for job in jobs if job.scheme not in WITHOUT_COMPLETE)
    complete = {str(job): job for job in (replace(job, scheme=None) for job in needed)}
    first = _missing([*complete.values()], failures, show)
    with engine.kept_open() as kept:
        _train_wave(first, kept, failures, show)
        ready = [job for job in jobs if str(replace(job, scheme=None)) not in failures]
        for job in jobs:
            if job not in ready:
                failures[str(job)] = "its link.complete has failed"
        _train_wave(_missing(ready, failures, show), kept, failures, show)
    return failures


def _missing(
    jobs: Sequence[TrainingJob], failures: dict[str, str], show: Callable[[str], None]
) -> list[TrainingJob]:
    """Returns the jobs without weights; weights of other options or data are failures."""
    found, old = [], 0
    for job in jobs:
        if not job.file.exists():
            found.append(job)
            continue
        try:
            refuse_other_options(job.file, job.preset)
            config, note = read_weights(job.file)[1], dict(job.note)
            if config.get("data_sha256") != note["data_sha256"]:
                raise ValueError(f"{job.file} was trained on other data: give another --out")
            old += config.get("code_sha256") != note["code_sha256"]
        except ValueError as error:
            failures[str(job)] = str(error)
            show(f"failed: {job}: {error}")
    if old:
        show(f"note: {old} of {len(jobs)} weights were trained by another version of the code")
    return found


def _train_wave(
    jobs: Sequence[TrainingJob],
    engine: Engine,
    failures: dict[str, str],
    show: Callable[[str], None],
) -> None:
    engine = _chosen(engine, len(jobs))
    if not jobs:
        return
    gpu, waiting = jobs[0].device.startswith("cuda"), iter(jobs)
    outcomes = engine.outcomes(waiting, train_job, gpu, train_job)  # type: ignore[arg-type]
    for done, (job, found) in enumerate(outcomes, 1):
        if isinstance(found, Failure):
            failures[str(job)] = found.reason
            show(f"failed: {found}")
        else:
            result: Any = found
            show(f"{done} of {len(jobs)}: {job}, {result['seconds']:.0f} s of a core")


def _chosen(engine: Engine, jobs: int) -> Engine:
    """Decides name and number of workers: trainings take long, so "auto" is "local"."""
    if engine.name not in ("auto", "local"):
        return engine
    workers = engine.workers or min(default_workers(), max(1, jobs))
    if engine.name == "auto" and workers == 1:
        return replace(engine, name="inline", workers=None)
    return replace(engine, name="local", workers=workers)
