"""Cells: the independent pieces of a run, each a pure function of its spec.

A point is one scheme at one SNR with one seed over all images. A cell is a block of its images:
most often all of them, and then it gives the point's per-image rows; several where a point is cut,
and then each gives task outputs and costs, from which the last one to arrive makes the rows,
because re-identification needs the whole gallery.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numba
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from phy.streams import Streams
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset, Progress
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.results.image_rows import image_rows
from simulator.scheme import Payload
from simulator.setup.prepare import Prepared
from simulator.spec import RunSpec
from simulator.sweeps.identity import common_identity, digest, point_identity


@dataclass(frozen=True)
class Point:
    """One scheme at one SNR with one seed."""

    scheme: str
    snr_db: float
    seed: int

    def __str__(self) -> str:
        return f"{self.scheme} {self.snr_db:g} dB seed {self.seed}"


@dataclass(frozen=True)
class Cell:
    """A block of the images of a point.

    Attributes:
        spec: The run.
        point: Where.
        first: First image of the block, counted among the readable ones.
        stop: One past its last.
        whole: Whether these are all images of the point.
        key: Hash of all that the point's numbers depend on.
    """

    spec: RunSpec
    point: Point
    first: int
    stop: int
    whole: bool
    key: str

    def __str__(self) -> str:
        return str(self.point) + ("" if self.whole else f" images {self.first} to {self.stop - 1}")


class CellRunner:
    """A prepared run with its images encoded: computes any cell of it.

    Payloads are kept for the scheme at work: they are computed once for all SNRs and seeds.
    """

    def __init__(self, prepared: Prepared, progress: Progress) -> None:
        self.prepared = prepared
        self.encoded = EncodedDataset(
            prepared.dataset, prepared.networks.encoder, prepared.device, progress
        )
        held = prepared.spec.gallery == "clean"
        clean = held or any(scheme.needs_features for scheme in prepared.schemes.values())
        self.readable = self.encoded.features if clean else self.encoded.readable
        self.kept = self.readable.kept
        self.dataset = prepared.dataset.subset(self.kept)
        self._payloads: dict[tuple[str, int, int], Payload] = {}
        self._held: dict[str, Tensor] = {}

    @cached_property
    def common(self) -> dict[str, Any]:
        """The part of an identity that all points share."""
        return common_identity(self.prepared)

    def identity(self, point: Point) -> dict[str, Any]:
        """Everything that the point's numbers depend on."""
        return point_identity(self.common, self.prepared, point.scheme, point.snr_db, point.seed)

    def cells(self, point: Point, images_per_cell: int) -> list[Cell]:
        """The cells of a point."""
        total, key = len(self.kept), digest(self.identity(point))
        starts = range(0, total, images_per_cell)
        return [
            Cell(
                spec=self.prepared.spec,
                point=point,
                first=first,
                stop=min(first + images_per_cell, total),
                whole=len(starts) == 1,
                key=key,
            )
            for first in starts
        ]

    def compute(self, cell: Cell, step: Callable[[int], None] = lambda images: None) -> bytes:
        """What a cell gives: the rows of its point, or its part of the outputs.

        Args:
            cell: What to simulate.
            step: Called with the number of images done.

        Raises:
            ValueError: When this process has other code, weights or images than the run, or when
                an output is not finite.
        """
        if digest(self.identity(cell.point)) != cell.key:
            raise ValueError(
                "this worker has other code, weights, images or libraries than the run: "
                "restart the workers from one installation"
            )
        with one_thread():
            outputs, ledger = self._simulate(cell, step)
        _check_finite(outputs)
        if not cell.whole:
            return write_block(outputs, ledger)
        return write_rows(self.rows(cell.point, outputs, ledger))

    def rows(self, point: Point, outputs: TaskOutputs, ledger: Ledger) -> pd.DataFrame:
        """The per-image rows of a point, each with where it belongs."""
        table = image_rows(
            self.dataset,
            outputs,
            ledger,
            self.prepared.schemes[point.scheme].reasons,
            self._held_gallery(point.scheme),
            self.prepared.spec.slot(point.snr_db).bits_per_use,
        )
        at: dict[str, Any] = {
            "scheme": point.scheme,
            "channel": self.prepared.spec.channel_label,
            "snr_db": point.snr_db,
            "seed": point.seed,
        }
        return table.assign(**at)[[*at, *table.columns]]

    def _simulate(self, cell: Cell, step: Callable[[int], None]) -> tuple[TaskOutputs, Ledger]:
        """Sends the images of a cell, batch by batch."""
        spec, point = self.prepared.spec, cell.point
        slot = spec.slot(point.snr_db)
        scheme = self.prepared.schemes[point.scheme]
        name = f"{spec.channel_law} snr_db={float(slot.snr_db)}"
        found: dict[int, tuple[TaskOutputs, Ledger]] = {}
        starts = range(cell.first, cell.stop, spec.batch_size)
        # Cells that are at work together begin with different images: what depends on the images
        # alone, one finds in the cache that another has made.
        number = spec.snr_db.index(point.snr_db) * spec.seeds + point.seed - spec.seed
        turn = int(spread(number) * len(starts))
        for first in (*starts[turn:], *starts[:turn]):
            rows = np.arange(first, min(first + spec.batch_size, cell.stop))
            streams = Streams(point.seed, name, self.kept[rows], device=self.prepared.device)
            payload = self._payload(point.scheme, rows)
            batch, ledger = run_link(
                scheme,
                payload,
                self.prepared.channel,
                slot,
                streams,
                spec.max_transmissions,
                self.prepared.feedback_link,
            )
            found[first] = TaskOutputs(*(value.cpu() for value in batch)), ledger
            step(len(rows))
        outputs, ledgers = zip(*(found[first] for first in starts), strict=True)
        joined = TaskOutputs(*(torch.cat(column) for column in zip(*outputs, strict=True)))
        return joined, Ledger.join(list(ledgers))

    @torch.inference_mode()
    def _held_gallery(self, scheme: str) -> Tensor | None:
        """Embeddings of the images as a server holds them, if it does; once for each scheme."""
        if self.prepared.spec.gallery != "clean":
            return None
        found = self._held.get(scheme)
        if found is None:
            everything = np.arange(len(self.kept))
            with one_thread():
                found = self.prepared.schemes[scheme].clean_embedding(self.encoded, everything)
            found = found.cpu()
            self._held = {**self._held, scheme: found}  # a new dict: threads of a worker share it
        return found

    @torch.inference_mode()
    def _payload(self, scheme: str, rows: np.ndarray) -> Payload:
        """The payload of a batch, encoded once while its scheme is at work."""
        place = scheme, int(rows[0]), len(rows)
        found = self._payloads.get(place)
        if found is None:
            found = self.prepared.schemes[scheme].encode(self.encoded, rows)
            kept = {key: value for key, value in self._payloads.items() if key[0] == scheme}
            self._payloads = {**kept, place: found}  # a new dict: threads of a worker share it
        return found


def spread(number: int) -> float:
    """Van der Corput's sequence: the first 2^k numbers from 0 on lie evenly in [0, 1).

    >>> [spread(number) for number in range(6)]
    [0.0, 0.5, 0.25, 0.75, 0.125, 0.625]
    """
    digits = f"{number:b}"[::-1]
    return int(digits, 2) / (1 << len(digits))


@contextmanager
def one_thread() -> Iterator[None]:
    """Matrix products on one thread: shared out among several they round differently.

    The tiles are too small to gain from more, and workers of one machine have one thread each.
    """
    numba.get_num_threads()  # starts numba's threads, if they are not: that resets torch's number
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _check_finite(outputs: TaskOutputs) -> None:
    for name, value in zip(outputs._fields, outputs, strict=True):
        broken = int((~torch.isfinite(value.float())).flatten(1).any(1).sum())
        if broken:
            raise ValueError(
                f"task output {name!r} is not finite for {broken} of {len(value)} images"
            )


def write_block(outputs: TaskOutputs, ledger: Ledger) -> bytes:
    """Outputs and costs of a block; the identity logits, which no row needs, are left out."""
    arrays = {f"outputs.{name}": value.numpy() for name, value in outputs._asdict().items()}
    arrays["outputs.vehicle"] = arrays["outputs.vehicle"][:, :0]
    arrays |= {f"ledger.{f.name}": getattr(ledger, f.name).numpy() for f in fields(Ledger)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def read_block(data: bytes) -> tuple[TaskOutputs, Ledger]:
    """What `write_block` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        found = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    outputs = TaskOutputs(*(found[f"outputs.{name}"] for name in TaskOutputs._fields))
    return outputs, Ledger(**{f.name: found[f"ledger.{f.name}"] for f in fields(Ledger)})


def join_blocks(blocks: list[bytes]) -> tuple[TaskOutputs, Ledger]:
    """Outputs and costs of a whole point from its blocks, in the order of the images."""
    parts = [read_block(data) for data in blocks]
    columns = zip(*(outputs for outputs, _ in parts), strict=True)
    outputs = TaskOutputs(*(torch.cat(column) for column in columns))
    return outputs, Ledger.join([ledger for _, ledger in parts])


def write_rows(table: pd.DataFrame) -> bytes:
    """Per-image rows as a Parquet file."""
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()


def read_rows(data: bytes) -> pd.DataFrame:
    """What `write_rows` wrote."""
    return pd.read_parquet(io.BytesIO(data))
