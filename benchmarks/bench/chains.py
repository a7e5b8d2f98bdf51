"""Transmissions of batches: the protocol of a learned scheme, and the chain of image files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.bench.entry import Case, Work, entry
from phy.coding.ldpc_decoder import Decoded, NumbaDecoder
from semantic.conventions import CODED_FEATURES
from semantic.tasks import TaskOutputs
from simulator.schemes.semantic_harq import SemanticHarq
from simulator.setup.prepare import Prepared, prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import CellRunner, Point, one_thread

CHAIN = "jpeg-ldpc-16qam-harq"


@entry("protocol")
def protocol(small: bool) -> Case:
    """Everything of a transmission of semharq but its networks, and all of it."""
    images = 32 if small else 1024
    prepared = prepare(RunSpec(snr_db=(0.0,), device="cpu", images=images))
    scheme = prepared.schemes["semharq"]
    assert isinstance(scheme, SemanticHarq)
    runner = CellRunner(prepared, _silent)
    numbers = np.arange(len(runner.kept))
    payload = scheme.encode(runner.encoded, numbers)
    at = (scheme, payload, 0.0, 0, numbers)

    def whole() -> object:
        with one_thread():
            return prepared.transmit(*at)

    outputs, ledger = prepared.transmit(*at)
    d = torch.rand(len(numbers), CODED_FEATURES, generator=torch.Generator().manual_seed(0))

    def decode(self: SemanticHarq, buffer: object) -> Callable[[torch.Tensor], TaskOutputs]:
        return lambda rows: TaskOutputs(*(value[rows] for value in outputs))

    def work() -> object:
        with (
            patch.object(SemanticHarq, "_decode", decode),
            patch.object(SemanticHarq, "_distortion", lambda self, rx, latest, rows: d[rows]),
        ):
            return whole()

    # A buffer of two numbers per feature is read and written in each transmission.
    moved = 16.0 * CODED_FEATURES * float(ledger.transmissions.sum())
    return Case(
        work=work,
        reference=whole,
        measures="transmission of semharq at 0 dB without its networks",
        against="the same with decoder, tasks and F",
        amount=len(numbers),
        unit="image",
        moved=moved,
    )


@entry("image chain, cold")
def image_chain_cold(small: bool) -> Case:
    """A point of JPEG and LDPC with an empty cache, and with a full one."""
    prepared = _image_chain(4 if small else 96)
    full = TemporaryDirectory(prefix="bench-")

    def cold() -> object:
        with TemporaryDirectory(prefix="bench-") as folder:
            return _point(prepared, Path(folder))()

    def warm(folder: TemporaryDirectory[str] = full) -> object:  # holds the folder
        return _point(prepared, Path(folder.name))()

    warm()
    return Case(
        work=cold,
        reference=warm,
        measures=f"{CHAIN} at 4 dB, empty cache",
        against="the same with all files and their encoder outputs in the cache",
        amount=len(prepared.dataset),
        unit="image",
        rounds=2,
    )


@entry("image chain, warm")
def image_chain_warm(small: bool) -> Case:
    """A point of JPEG and LDPC with everything in memory, and its LDPC decoding alone."""
    prepared = _image_chain(4 if small else 96)
    with TemporaryDirectory(prefix="bench-") as folder:
        work = _point(prepared, Path(folder))
        work()
        calls: list[tuple[Any, ...]] = []
        decode = NumbaDecoder.__call__

        def noted(self: NumbaDecoder, *arguments: Any) -> Decoded:
            calls.append(arguments)
            return decode(self, *arguments)

        with patch.object(NumbaDecoder, "__call__", noted):
            work()
    decoder = NumbaDecoder()

    def reference() -> None:
        with one_thread():
            for arguments in calls:
                decoder(*arguments)

    return Case(
        work=work,
        reference=reference,
        measures=f"{CHAIN} at 4 dB, files and their encoder outputs in memory",
        against="its LDPC decoding alone",
        amount=len(prepared.dataset),
        unit="image",
        rounds=3,
    )


def _image_chain(images: int) -> Prepared:
    return prepare(RunSpec(schemes=(CHAIN,), snr_db=(4.0,), device="cpu", images=images))


def _point(prepared: Prepared, folder: Path) -> Work:
    """Returns the work on a point; the first call reads and fills the cache in a folder."""
    with _cache_in(folder):
        runner = CellRunner(prepared, _silent)
        (cell,) = runner.cells(Point(CHAIN, 4.0, 0), 16384)

    def work() -> object:
        with _cache_in(folder):
            return runner.compute(cell)

    return work


@contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    with patch.dict(os.environ, SEMHARQ_CACHE=str(folder)):
        yield


def _silent(what: str, done: int, total: int) -> None:
    """Shows no progress."""
