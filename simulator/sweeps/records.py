"""A run's directory: curve.csv, images.parquet, run.json and curve.png, each whole or absent."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet as pq

from simulator.files import write_whole
from simulator.results.figures import draw_curves
from simulator.sweeps.sweep import Result

PACKAGES = ("semharq-sim", "torch", "sionna-no-rt", "numpy", "scipy", "pandas", "numba")


def write_result(result: Result, out: Path) -> None:
    """Writes the four files; run.json last, so that its presence says that all are there."""
    write_whole(out / "curve.csv", lambda path: result.curve.to_csv(path, index=False))
    write_whole(out / "images.parquet", lambda path: write_images(result, path))
    write_whole(out / "curve.png", lambda path: draw_curves(result.curve, path))
    text = json.dumps(run_record(result), indent=2) + "\n"
    write_whole(out / "run.json", lambda path: _write_text(path, text))


def write_images(result: Result, path: Path) -> None:
    """The per-image rows of all points as one Parquet file, some of them at a time in memory."""
    schema = pa.unify_schemas(
        [pa.Schema.from_pandas(table, preserve_index=False) for table in result.tables()],
        promote_options="permissive",  # a column without a value in one point has no type there
    )
    with pq.ParquetWriter(path, schema) as file:
        for table in result.tables():
            file.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False))


def run_record(result: Result) -> dict[str, Any]:
    """What run.json holds: the spec, the versions, the weights, and what could not be read."""
    return {
        "spec": result.spec.to_json(),
        "bandwidth_hz": result.spec.bandwidth,
        "weights_sha256": result.hashes,
        "images": result.count,
        "unreadable_images": list(result.problems),
        "failed_cells": [str(failure) for failure in result.failures],
        "versions": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
    }


def _write_text(path: Path, text: str) -> None:
    path.write_text(text)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
