"""The trainings of a plan as jobs of an engine: each is one link behind the shared encoder.

    OUT/encoder.safetensors  OUT/s-....npy  OUT/labels-....npz        shared by all
    OUT/READING/seed-N/encoder.safetensors  link.complete.safetensors  SCHEME.safetensors

A job trains with one thread, so that its result does not depend on the number of workers.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from semantic.encoder.multitask import MultiTaskNetwork
from semantic.training.labels import Labels
from semantic.training.loop import LinkData
from semantic.weights.files import file_hash
from simulator.sweeps.cells import one_thread
from simulator.sweeps.worker import Failure, attempt
from simulator.training.backbone import read_encoder
from simulator.training.channel import preset_channel
from simulator.training.code import link_note
from simulator.training.links import complete_link, train_links
from simulator.training.own_scheme import OWN_LOSS, OwnTraining, train_own_scheme
from simulator.training.presets import Preset
from simulator.training.stage import Stage


@dataclass(frozen=True)
class TrainingJob:
    """One training.

    Attributes:
        root: Directory of the plan's weights.
        reading: Name of the reading.
        seed: Seed of the training.
        scheme: Scheme, or None for the link with all of f sent, from which every scheme starts.
        preset: Options of the training.
        device: Torch device.
        data: Path of s without its ending; `labels` are beside it.
        note: What the weights record: hashes of data and code.
    """

    root: Path
    reading: str
    seed: int
    scheme: str | None
    preset: Preset
    device: str
    data: Path
    note: tuple[tuple[str, Any], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.reading}/seed-{self.seed}/{self.scheme or 'link.complete'}"

    @property
    def directory(self) -> Path:
        """Directory of the weights of this reading and seed."""
        return self.root / self.reading / f"seed-{self.seed}"

    @property
    def file(self) -> Path:
        """The weights that the training makes."""
        return self.directory / f"{self.scheme or 'link.complete'}.safetensors"


def labels_path(data: Path) -> Path:
    """Returns the file of the labels of s.

    >>> labels_path(Path("s-0123.npy")).name
    'labels-0123.npz'
    """
    return data.with_name(data.stem.replace("s-", "labels-", 1) + ".npz")


@lru_cache(maxsize=2)
def shared_data(root: Path, data: Path, device: str) -> tuple[MultiTaskNetwork, Tensor, Labels]:
    """Returns the encoder, s and the labels of a plan, which a worker opens once."""
    with np.load(labels_path(data)) as columns:
        labels = Labels(*(torch.from_numpy(columns[name]).to(device) for name in columns.files))
    s = torch.from_numpy(np.load(data)).to(device)
    return read_encoder(root / "encoder.safetensors", device), s, labels


def train_job(job: TrainingJob, timeout_s: float | None = None) -> dict[str, Any] | Failure:
    """Trains one link, or goes on from its checkpoint; returns its processor time and hash."""
    return attempt(lambda: _train(job), job, timeout_s)


def _train(job: TrainingJob) -> dict[str, Any]:
    encoder, s, labels = shared_data(job.root, job.data, job.device)
    job.directory.mkdir(parents=True, exist_ok=True)
    _link_encoder(job)
    schemes = () if job.scheme is None else (job.scheme,)
    stage = Stage(
        job.directory, job.preset, schemes, job.device, lambda line: None, note=dict(job.note)
    )
    channel = preset_channel(job.preset, job.device)
    data = LinkData(s, labels, channel, job.preset.budget, link_note(job.preset))
    start = time.process_time()
    with one_thread():
        if job.scheme is None:
            complete_link(stage, encoder, data)
        elif job.scheme in OWN_LOSS:
            train_own_scheme(stage, job.scheme, OwnTraining(), data)
        else:
            train_links(stage, schemes, encoder, data)
    job.file.with_name(f"{job.file.stem}.checkpoint.safetensors").unlink(missing_ok=True)
    return {"seconds": time.process_time() - start, "sha256": file_hash(job.file)}


def _link_encoder(job: TrainingJob) -> None:
    """Puts the shared encoder into the directory of the job, without a copy where possible."""
    shared, own = job.root / "encoder.safetensors", job.directory / "encoder.safetensors"
    if own.exists():
        return
    temporary = own.with_name(f"{own.name}.{os.getpid()}")
    try:
        os.link(shared, temporary)
    except OSError:  # a file system without hard links
        shutil.copyfile(shared, temporary)
    temporary.replace(own)
    temporary.unlink(missing_ok=True)  # replace() leaves it where both are one file
