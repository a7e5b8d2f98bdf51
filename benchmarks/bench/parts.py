"""Parts of a semantic run: encoder, decoder and tasks, random numbers, a cell, intervals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from benchmarks.bench.entry import Case, entry
from phy.streams import Streams
from semantic.conventions import CODED_FEATURES
from semantic.encoder.densenet import normalize
from semantic.tiles import TILE, in_tiles
from semantic.weights.precision import PackedLinear
from semantic.weights.stored import load_encoder, load_link
from simulator.encoded_dataset import TILE as ENCODER_TILE
from simulator.results.curve import curve
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.cells import CellRunner, Point, one_thread, read_rows

#: Multiplications and additions of DenseNet-121 for an image of 224 x 224 pixels.
DENSENET_FLOPS = 2 * 2.87e9


@entry("encoder")
def encoder(small: bool) -> Case:
    """DenseNet-121 as a run calls it, and the same network traced and frozen."""
    bundle = load_encoder()
    size, images = int(bundle.config["image_size"]), ENCODER_TILE if small else 2 * ENCODER_TILE
    pixels = torch.randint(0, 255, (images, size, size, 3), dtype=torch.uint8)
    network = bundle.network.encoder
    example = normalize(pixels[:ENCODER_TILE])
    with torch.no_grad():
        frozen = torch.jit.freeze(torch.jit.trace(network, example, check_trace=False))

    @torch.inference_mode()
    def run(function: torch.nn.Module) -> torch.Tensor:
        return in_tiles(lambda x: function(normalize(x)), pixels, tile=ENCODER_TILE)

    return Case(
        work=lambda: run(network),
        reference=lambda: run(frozen),
        measures=f"encoder, {size} x {size} pixels, tiles of {ENCODER_TILE}",
        against="the same network traced and frozen",
        amount=len(pixels),
        unit="image",
        operations=len(pixels) * DENSENET_FLOPS * (size / 224) ** 2,
    )


@entry("decode")
def decode(small: bool) -> Case:
    """Decoder and tasks of semharq, and its products alone in one large batch."""
    bundle = load_encoder()
    link, _ = load_link("semharq", bundle.network.performers)
    rows = TILE if small else 8 * TILE
    received = torch.rand(rows, CODED_FEATURES)
    buffer = link.empty_buffer(rows)
    buffer = type(buffer)(received, received)
    layers = [m for m in (*link.jsc_decoder.modules(), *link.performers.modules())]
    weights = [m.weight for m in layers if isinstance(m, torch.nn.Linear)]
    inputs = [torch.rand(rows, weight.shape[1]) for weight in weights]

    @torch.inference_mode()
    def work() -> object:
        return in_tiles(lambda tile: link.decode(buffer.take(tile))[1], torch.arange(rows))

    @torch.inference_mode()
    def products() -> None:
        for x, weight in zip(inputs, weights, strict=True):
            x @ weight.T

    return Case(
        work=work,
        reference=products,
        measures=f"decoder and tasks of semharq, tiles of {TILE}",
        against=f"the same products, {rows} rows at a time",
        amount=rows,
        unit="image",
        operations=float(sum(2 * rows * weight.numel() for weight in weights)),
    )


@entry("random numbers")
def random_numbers(small: bool) -> Case:
    """Noise of a burst from a stream per image, and torch's generator for the whole batch."""
    rows, uses = 8 if small else 1024, 64
    streams = Streams(0, "bench", np.arange(rows)).rows(np.arange(rows), 0).for_role("noise")
    return Case(
        work=lambda: streams.complex_normal(uses),
        reference=lambda: torch.randn(rows, uses, dtype=torch.complex64),
        measures=f"complex Gaussian numbers, {rows} streams x {uses}",
        against="torch.randn, one stream for all",
        amount=rows * uses,
        unit="number",
        moved=8.0 * rows * uses,
        rounds=20,
    )


@entry("semantic cell")
def semantic_cell(small: bool) -> Case:
    """One point of semharq over the embedded test set, in fp32 and in bf16."""
    runs = {}
    for precision in ("fp32", "bf16"):
        spec = RunSpec(
            snr_db=(0.0,), device="cpu", precision=precision, images=40 if small else None
        )
        runner = CellRunner(prepare(spec), lambda what, done, total: None)
        (cell,) = runner.cells(Point("semharq", 0.0, 0), 16384)
        runs[precision] = runner, cell
    (full, cell), (rounded, rounded_cell) = runs["fp32"], runs["bf16"]
    return Case(
        work=lambda: full.compute(cell),
        reference=lambda: rounded.compute(rounded_cell),
        measures="semharq at 0 dB, payloads encoded before, fp32",
        against="the same with --precision bf16",
        amount=len(full.kept),
        unit="image",
        rounds=3,
    )


@entry("semantic cell, products")
def products_of_a_cell(small: bool) -> Case:
    """The points of semharq at -6, 0 and 6 dB, and their linear layers alone, on the first inputs of each shape."""
    snrs_db = (0.0,) if small else (-6.0, 0.0, 6.0)
    spec = RunSpec(snr_db=snrs_db, device="cpu", images=40 if small else 1000)
    runner = CellRunner(prepare(spec), lambda what, done, total: None)
    cells = [runner.cells(Point("semharq", snr_db, 0), 16384)[0] for snr_db in snrs_db]
    calls: list[tuple[Callable[..., Tensor], torch.Size, tuple[Tensor, ...]]] = []
    inputs: dict[torch.Size, Tensor] = {}

    def noted(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def call(self: PackedLinear, x: Tensor, *columns: Tensor) -> Tensor:
            calls.append((partial(function, self), x.shape, columns))
            inputs.setdefault(x.shape, x.clone())
            return function(self, x, *columns)

        return call

    def work() -> None:
        for cell in cells:
            runner.compute(cell)

    with (
        patch.object(PackedLinear, "forward", noted(PackedLinear.forward)),
        patch.object(PackedLinear, "of_columns", noted(PackedLinear.of_columns)),
    ):
        work()

    @torch.inference_mode()
    def products() -> None:
        with one_thread():
            for function, shape, columns in calls:
                function(inputs[shape], *columns)

    return Case(
        work=work,
        reference=products,
        measures=f"semharq at {', '.join(f'{snr_db:g}' for snr_db in snrs_db)} dB, fp32",
        against="its linear layers alone",
        amount=len(runner.kept) * len(cells),
        unit="image",
        rounds=3,
    )


@entry("intervals")
def intervals(small: bool) -> Case:
    """The curve with its intervals of one point, and the means of its columns."""
    few = 40 if small else None
    spec = RunSpec(schemes=("perfect",), snr_db=(0.0,), device="cpu", images=few)
    runner = CellRunner(prepare(spec), lambda what, done, total: None)
    (cell,) = runner.cells(Point("perfect", 0.0, 0), 16384)
    rows = read_rows(runner.compute(cell))
    return Case(
        work=lambda: curve(rows),
        reference=lambda: rows.mean(numeric_only=True),
        measures=f"curve and intervals of a point with {len(rows)} images",
        against="means of the same columns",
        amount=1,
        unit="point",
    )
