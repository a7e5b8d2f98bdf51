"""The results in a run's directory: curve.csv, images.parquet, run.json and curve.png."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

from simulator.files import write_text_whole, write_whole
from simulator.sweeps.identity import installed_version
from simulator.sweeps.sweep import Result

PACKAGES = ("semharq-sim", "torch", "sionna-no-rt", "numpy", "scipy", "pandas", "numba")


def write_result(result: Result, out: Path, figure: bool = True) -> None:
    """Writes the four files, each atomically; run.json is the last, so that it proves the others.

    Args:
        result: The result of a run.
        out: Its directory.
        figure: Whether to draw curve.png, which takes one to two seconds.
    """
    write_whole(out / "curve.csv", lambda path: result.curve.to_csv(path, index=False))
    write_whole(out / "images.parquet", lambda path: write_images(result, path))
    if figure:
        write_whole(out / "curve.png", lambda path: _draw(result, path))
    text = json.dumps(run_record(result), indent=2) + "\n"
    write_text_whole(out / "run.json", text)


def _draw(result: Result, path: Path) -> None:
    """Draws the curves; matplotlib is imported here, once the numbers are on the screen."""
    from simulator.results.figures import draw_curves

    draw_curves(result.curve, path)


def write_images(result: Result, path: Path) -> None:
    """Writes the per-image rows of all points as a Parquet file, with a part of them in memory."""
    schema = common_schema(
        pa.Schema.from_pandas(table, preserve_index=False) for table in result.tables()
    )
    with pq.ParquetWriter(path, schema) as file:
        for table in result.tables():
            file.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def common_schema(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """Returns the schema of all tables; a column without values in one point has no type there.

    Seeds from 2^63 on are unsigned. Beside smaller ones all are, and not rounded to doubles.
    """
    found = list(schemas)
    if pa.uint64() in {schema.field("seed").type for schema in found if "seed" in schema.names}:
        seed = pa.field("seed", pa.uint64())
        found = [schema.set(schema.get_field_index("seed"), seed) for schema in found]
    return pa.unify_schemas(found, promote_options="permissive")


def run_record(result: Result) -> dict[str, Any]:
    """Returns the content of run.json: spec, weights, versions, unreadable images, failed cells."""
    return {
        "spec": result.spec.to_json(),
        "bandwidth_hz": result.spec.bandwidth,
        "weights_sha256": result.hashes,
        "files_sha256": result.files,
        "not_recorded": list(result.not_recorded),
        "images": result.count,
        "unreadable_images": list(result.problems),
        "failed_cells": [str(failure) for failure in result.failures],
        "versions": {name: installed_version(name) for name in PACKAGES},
        "python": platform.python_version(),
    }
