"""Cells: the independent pieces of a run, each a pure function of its spec.

A point is one scheme at one SNR with one seed over all images. A cell is a block of the images of
a point. Usually a point has one cell with all images, whose result is the per-image rows of the
point. A point with several cells is joined at the end: each cell returns task outputs and costs,
and the rows are made of all of them, because re-identification needs the whole gallery.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numba
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from semantic.metrics.finite import all_finite
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset, Progress
from simulator.ledger import Ledger
from simulator.process_state import generators_left_alone, settings_left_alone
from simulator.results.image_rows import image_rows
from simulator.scheme import Payload
from simulator.setup.prepare import Prepared
from simulator.spec import RunSpec
from simulator.sweeps.identity import common_identity, digest, not_recorded, point_identity
from simulator.sweeps.own_encoder import encoder_of
from simulator.sweeps.spread import van_der_corput


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
        spec: The spec of the run.
        point: The point that the cell belongs to.
        first: Index of its first image, counted among the readable images.
        stop: Index after its last image.
        whole: Whether the cell holds all images of the point.
        key: Hash of the point's identity.
        files: Paths of the files of users' own parts that the identity contains.
    """

    spec: RunSpec
    point: Point
    first: int
    stop: int
    whole: bool
    key: str
    files: tuple[str, ...] = ()

    def __str__(self) -> str:
        return str(self.point) + ("" if self.whole else f" images {self.first} to {self.stop - 1}")


class CellRunner:
    """Computes the cells of a prepared run, whose images it encodes once.

    The payloads of the scheme at work are kept: they are computed once for all SNRs and seeds.

    Attributes:
        prepared: The run.
        encoded: The images behind the encoder.
        readable: The images that can be read, and one line for each that cannot.
        kept: [images] indices of the readable images in the data set.
        dataset: The readable images.
    """

    def __init__(self, prepared: Prepared, progress: Progress) -> None:
        self.prepared = prepared
        encoder = encoder_of(prepared)
        self.encoded = EncodedDataset(prepared.dataset, encoder, prepared.device, progress)
        clean_gallery = prepared.spec.gallery == "clean"
        clean = clean_gallery or any(scheme.needs_features for scheme in prepared.schemes.values())
        self.readable = self.encoded.features if clean else self.encoded.readable
        self.kept = self.readable.kept
        self.dataset = prepared.dataset.subset(self.kept)
        self._payloads: dict[tuple[str, int, int], Payload] = {}
        self._clean_embeddings: dict[str, Tensor] = {}

    @cached_property
    def common(self) -> dict[str, Any]:
        """The part of the identity that all points share."""
        return common_identity(self.prepared)

    def identity(self, point: Point, files: Sequence[str] | None = None) -> dict[str, Any]:
        """Returns everything that the point's numbers depend on, see `point_identity`."""
        at = point.scheme, point.snr_db, point.seed
        return point_identity(self.common, self.prepared, *at, files)

    @property
    def not_recorded(self) -> tuple[str, ...]:
        """One text for each dependency of users' code that no identity contains."""
        spec = self.prepared.spec
        points = (Point(scheme, spec.snr_db[0], spec.seed) for scheme in spec.schemes)
        texts = (text for point in points for text in not_recorded(self.identity(point)))
        return tuple(dict.fromkeys(texts))

    def cells(self, point: Point, images_per_cell: int) -> list[Cell]:
        """Returns the cells of a point."""
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
                files=tuple(self.prepared.files.get(point.scheme, ())),
            )
            for first in starts
        ]

    def compute(self, cell: Cell, step: Callable[[int], None] = lambda images: None) -> bytes:
        """Simulates a cell.

        Args:
            cell: The cell.
            step: Called after each batch with the number of its images.

        Returns:
            The rows of the point as a Parquet file, for a cell with all images; otherwise the
            outputs and costs of the cell, as `write_block` writes them.

        Raises:
            ValueError: If the code, the weights or the images of this process differ from those
                of the run, or if an output is not finite.
        """
        if digest(self.identity(cell.point, cell.files)) != cell.key:
            raise ValueError(
                "this worker has other code, weights, images, files, environment variables or "
                "libraries than the run: restart the workers from one installation (a function "
                "that opens data must give each process the same)"
            )
        parts = f"scheme {cell.point.scheme} and channel {cell.spec.channel}"
        alone = settings_left_alone(parts), generators_left_alone(parts)
        with one_thread(), alone[0], alone[1]:
            outputs, ledger = self._simulate(cell, step)
        if not cell.whole:
            return write_block(outputs, ledger)
        return write_rows(self.rows(cell.point, outputs, ledger))

    def rows(self, point: Point, outputs: TaskOutputs, ledger: Ledger) -> pd.DataFrame:
        """Returns the per-image rows of a point, each with its scheme, channel, SNR and seed."""
        spec, scheme = self.prepared.spec, self.prepared.schemes[point.scheme]
        slot = spec.slot(point.snr_db)
        most = 1 if scheme.open_loop else scheme.transmissions(slot, spec.max_transmissions)
        table = image_rows(
            self.dataset,
            outputs,
            ledger,
            scheme.reasons,
            self._clean_gallery(point.scheme),
            slot.bits_per_use,
            most - 1,
            point.snr_db,
            self.encoded.source_values,
        )
        at: dict[str, Any] = {
            "scheme": point.scheme,
            "channel": spec.channel_label,
            "snr_db": point.snr_db,
            "seed": point.seed,
        }
        return table.assign(**at)[[*at, *table.columns]]

    def _simulate(self, cell: Cell, step: Callable[[int], None]) -> tuple[TaskOutputs, Ledger]:
        """Transmits the images of a cell, batch by batch; the outputs have no identity logits."""
        spec, point = self.prepared.spec, cell.point
        scheme = self.prepared.schemes[point.scheme]
        found: dict[int, tuple[TaskOutputs, Ledger]] = {}
        size = spec.batch_size or scheme.batch_size
        starts = range(cell.first, cell.stop, size)
        # Cells that run at the same time begin with different images, so that each finds in the
        # cache what the others have computed of the images alone.
        number = spec.snr_db.index(point.snr_db) * spec.seeds + point.seed - spec.seed
        offset = int(van_der_corput(number) * len(starts))
        for first in (*starts[offset:], *starts[:offset]):
            rows = np.arange(first, min(first + size, cell.stop))
            payload = self._payload(point.scheme, rows)
            outputs, ledger = self.prepared.transmit(
                scheme, payload, point.snr_db, point.seed, self.kept[rows], self.encoded
            )
            found[first] = _needed(outputs), ledger
            step(len(rows))
        parts, ledgers = zip(*(found[first] for first in starts), strict=True)
        joined = TaskOutputs(*(torch.cat(column) for column in zip(*parts, strict=True)))
        return joined, Ledger.join(list(ledgers))

    @torch.inference_mode()
    def _clean_gallery(self, scheme: str) -> Tensor | None:
        """Returns the embeddings of the clean images if the server stores them, once per scheme."""
        if self.prepared.spec.gallery != "clean":
            return None
        found = self._clean_embeddings.get(scheme)
        if found is None:
            everything = np.arange(len(self.kept))
            with one_thread():
                found = self.prepared.schemes[scheme].clean_embedding(self.encoded, everything)
            found = found.cpu()
            # A new dict, because the threads of a worker share it.
            self._clean_embeddings = {**self._clean_embeddings, scheme: found}
        return found

    @torch.inference_mode()
    def _payload(self, scheme: str, rows: np.ndarray) -> Payload:
        """Returns the payload of a batch, which is encoded once while its scheme is at work."""
        place = scheme, int(rows[0]), len(rows)
        found = self._payloads.get(place)
        if found is None:
            found = self.prepared.schemes[scheme].encode(self.encoded, rows)
            kept = {key: value for key, value in self._payloads.items() if key[0] == scheme}
            self._payloads = {**kept, place: found}  # a new dict, as above
        return found


@contextmanager
def one_thread() -> Iterator[None]:
    """Computes matrix products on one thread, because their rounding depends on the number.

    The matrices are too small to gain from more, and the workers of a machine share its cores.
    """
    numba.get_num_threads()  # starts numba's threads, which would reset torch's number later
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _needed(outputs: TaskOutputs) -> TaskOutputs:
    """Returns finite outputs without the logits of the many identities, which no row needs."""
    for name, value in zip(outputs._fields, outputs, strict=True):
        if all_finite(value):
            continue
        broken = int((~torch.isfinite(value.float())).flatten(1).any(1).sum())
        if broken:
            raise ValueError(
                f"task output {name!r} is not finite for {broken} of {len(value)} images"
            )
    return outputs._replace(vehicle=outputs.vehicle.new_empty(len(outputs.vehicle), 0))


def write_block(outputs: TaskOutputs, ledger: Ledger) -> bytes:
    """Writes outputs and costs of a block."""
    arrays = {f"outputs.{name}": value.numpy() for name, value in outputs._asdict().items()}
    arrays |= {f"ledger.{f.name}": getattr(ledger, f.name).numpy() for f in fields(Ledger)}
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def read_block(data: bytes) -> tuple[TaskOutputs, Ledger]:
    """Reads what `write_block` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        found = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    outputs = TaskOutputs(*(found[f"outputs.{name}"] for name in TaskOutputs._fields))
    return outputs, Ledger(**{f.name: found[f"ledger.{f.name}"] for f in fields(Ledger)})


def join_blocks(blocks: list[bytes]) -> tuple[TaskOutputs, Ledger]:
    """Joins the blocks of a point, given in the order of the images."""
    parts = [read_block(data) for data in blocks]
    outputs = TaskOutputs(*map(torch.cat, zip(*(outputs for outputs, _ in parts), strict=True)))
    return outputs, Ledger.join([ledger for _, ledger in parts])


def write_rows(table: pd.DataFrame) -> bytes:
    """Writes per-image rows as a Parquet file."""
    file = io.BytesIO()
    table.to_parquet(file, index=False)
    return file.getvalue()


def read_rows(data: bytes) -> pd.DataFrame:
    """Reads what `write_rows` wrote."""
    return pd.read_parquet(io.BytesIO(data))
