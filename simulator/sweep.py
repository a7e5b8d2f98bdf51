"""The sweep: every scheme at every SNR and seed over the same images, fading and noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from phy.channel import Channel
from phy.streams import Streams
from semantic.data.dataset import UNKNOWN, VehicleImages, open_dataset
from semantic.reid import ReidImages, evaluate_reid
from semantic.tasks import TaskOutputs
from simulator.build import build_schemes
from simulator.catalog import CHANNELS, construct
from simulator.curve import curve
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.scheme import Payload, Scheme
from simulator.slots import Slot
from simulator.sources import Progress, Sources
from simulator.spec import RunSpec
from simulator.stack import Stack


@dataclass(frozen=True)
class Result:
    """What a run gives.

    Attributes:
        spec: What was run.
        images: One row per scheme, SNR, seed and image.
        curve: Tidy points with intervals.
        hashes: SHA-256 of the weights files used.
        problems: One line per image that could not be read.
    """

    spec: RunSpec
    images: pd.DataFrame
    curve: pd.DataFrame
    hashes: dict[str, str]
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """A run with its data, weights, schemes and channel at hand, nothing simulated yet."""

    spec: RunSpec
    dataset: VehicleImages
    stack: Stack
    schemes: dict[str, Scheme]
    channel: Channel
    device: str


def choose_device(device: str) -> str:
    """ "auto" is the first GPU where there is one.

    Raises:
        ValueError: When a GPU is asked for that is not there.
    """
    if device == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        if index >= torch.cuda.device_count():
            raise ValueError(
                f"device {device} is not there: this machine has {torch.cuda.device_count()} GPUs"
            )
    return device


def prepare(spec: RunSpec) -> Prepared:
    """Opens data and weights and builds the schemes, so that every mistake shows before any work.

    Raises:
        ValueError: One line that names what is wrong.
    """
    device = choose_device(spec.device)
    for snr_db in spec.snr_db:
        Slot(snr_db, spec.slot_s, spec.bandwidth)  # refuses what is no slot
    channel = construct("channel", spec.channel, CHANNELS, dict(spec.channel_args))
    if not isinstance(channel, Channel):
        raise ValueError(f"channel {spec.channel!r} is no phy.channel.Channel")
    dataset = open_dataset(spec.data)
    if spec.images is not None:
        dataset = dataset.limit(spec.images, seed=0)
    stack = Stack(spec, device)
    _ = stack.encoder  # every scheme ends in its tasks: missing weights show now
    return Prepared(spec, dataset, stack, build_schemes(stack), channel, device)


def simulate(spec: RunSpec, progress: Progress = lambda what, done, total: None) -> Result:
    """Runs a spec.

    Args:
        spec: What to run.
        progress: Called with (what, done, total).

    Raises:
        ValueError: One line that names what is wrong with the spec, the data or the weights.
    """
    return run(prepare(spec), progress)


def run(prepared: Prepared, progress: Progress = lambda what, done, total: None) -> Result:
    """Runs what `prepare` opened."""
    spec = prepared.spec
    sources = Sources(prepared.dataset, prepared.stack.encoder, prepared.device, progress)
    kept = sources.features.kept
    dataset = prepared.dataset.subset(kept)
    total = len(spec.schemes) * len(spec.snr_db) * spec.seeds * len(kept)
    done = 0
    tables: list[pd.DataFrame] = []
    for name, scheme in prepared.schemes.items():
        payloads = encode_batches(scheme, sources, spec.batch_size)
        for snr_db in spec.snr_db:
            slot = Slot(snr_db, spec.slot_s, spec.bandwidth)
            for seed in range(spec.seed, spec.seed + spec.seeds):

                def step(images: int) -> None:
                    nonlocal done
                    done += images
                    progress("simulating", done, total)

                outputs, ledger = run_point(prepared, scheme, payloads, kept, slot, seed, step)
                table = image_rows(dataset, outputs, ledger, scheme.reasons)
                at: dict[str, Any] = {
                    "scheme": name,
                    "channel": spec.channel_label,
                    "snr_db": snr_db,
                    "seed": seed,
                }
                tables.append(table.assign(**at)[[*at, *table.columns]])
    images = pd.concat(tables, ignore_index=True)
    return Result(
        spec, images, curve(images), dict(prepared.stack.hashes), sources.features.problems
    )


@torch.inference_mode()
def encode_batches(scheme: Scheme, sources: Sources, batch_size: int) -> list[Payload]:
    """The payload of every batch of images: once for all SNRs and seeds."""
    rows = np.arange(len(sources.features.kept))
    starts = range(0, len(rows), batch_size)
    return [scheme.encode(sources, rows[start : start + batch_size]) for start in starts]


def run_point(
    prepared: Prepared,
    scheme: Scheme,
    payloads: list[Payload],
    kept: np.ndarray,
    slot: Slot,
    seed: int,
    step: Callable[[int], None],
) -> tuple[TaskOutputs, Ledger]:
    """All images at one SNR with one seed, batch by batch."""
    spec = prepared.spec
    cell = f"{spec.channel_label} snr_db={float(slot.snr_db)}"
    outputs: list[TaskOutputs] = []
    ledgers: list[Ledger] = []
    for i, payload in enumerate(payloads):
        images = kept[i * spec.batch_size : (i + 1) * spec.batch_size]
        streams = Streams(seed, cell, images, device=prepared.device)
        batch, ledger = run_link(
            scheme, payload, prepared.channel, slot, streams, spec.max_transmissions
        )
        outputs.append(TaskOutputs(*(value.cpu() for value in batch)))
        ledgers.append(ledger)
        step(len(images))
    joined = TaskOutputs(*(torch.cat(column) for column in zip(*outputs, strict=True)))
    return joined, Ledger.join(ledgers)


def image_rows(
    dataset: VehicleImages, outputs: TaskOutputs, ledger: Ledger, reasons: tuple[str, ...]
) -> pd.DataFrame:
    """One row per image: labels, predictions, correctness, costs, and why it stopped.

    Query-only columns (`rank1_hit`, `average_precision`) and columns whose label is unknown are
    empty where they do not apply.
    """
    query, gallery = dataset.is_query, ~dataset.is_query
    found = evaluate_reid(
        _reid(outputs, dataset, query), _reid(outputs, dataset, gallery), remove_junk=True
    )
    rank1 = np.full(len(dataset), np.nan)
    precision = np.full(len(dataset), np.nan)
    rank1[query] = np.where(found.valid.numpy(), found.rank1_hit.numpy(), np.nan)
    precision[query] = found.average_precision.numpy()
    color, type_ = outputs.color.argmax(1).numpy(), outputs.type.argmax(1).numpy()
    columns: dict[str, Any] = {
        "image": np.arange(len(dataset)),
        "file": [file.name for file in dataset.files],
        "vehicle": dataset.vehicle,
        "camera": dataset.camera,
        "is_query": query,
        "rank1_hit": rank1,
        "average_precision": precision,
        "color": _names(dataset.color, dataset.colors),
        "color_predicted": _names(color, dataset.colors),
        "color_correct": _correct(color, dataset.color),
        "type": _names(dataset.type, dataset.types),
        "type_predicted": _names(type_, dataset.types),
        "type_correct": _correct(type_, dataset.type),
        "stopped_by": [reasons[i] for i in ledger.reason.tolist()],
    }
    for field in fields(Ledger):
        if field.name not in ("reason", "latency_s"):
            columns[field.name] = getattr(ledger, field.name).numpy()
    columns["latency_ms"] = 1e3 * ledger.latency_s.numpy()
    return pd.DataFrame(columns)


def _reid(outputs: TaskOutputs, dataset: VehicleImages, rows: np.ndarray) -> ReidImages:
    index = torch.from_numpy(np.flatnonzero(rows))

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values[rows])

    return ReidImages(outputs.embedding[index], column(dataset.vehicle), column(dataset.camera))


def _names(index: np.ndarray, names: tuple[str, ...]) -> list[str | None]:
    return [None if i == UNKNOWN else names[i] for i in index]


def _correct(predicted: np.ndarray, label: np.ndarray) -> np.ndarray:
    return np.where(label == UNKNOWN, np.nan, predicted == label)
