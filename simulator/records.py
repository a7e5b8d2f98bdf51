"""A run's directory: curve.csv, images.parquet, run.json and curve.png, each whole or absent."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from simulator.figures import draw_curves
from simulator.files import write_whole
from simulator.sweep import Result

PACKAGES = ("semharq-sim", "torch", "sionna-no-rt", "numpy", "scipy", "pandas", "numba")


def write_result(result: Result, out: Path) -> None:
    """Writes the four files; run.json last, so that its presence says that all are there."""
    write_whole(out / "curve.csv", lambda path: result.curve.to_csv(path, index=False))
    write_whole(out / "images.parquet", lambda path: result.images.to_parquet(path, index=False))
    write_whole(out / "curve.png", lambda path: draw_curves(result.curve, path))
    text = json.dumps(run_record(result), indent=2) + "\n"
    write_whole(out / "run.json", lambda path: _write_text(path, text))


def run_record(result: Result) -> dict[str, Any]:
    """What run.json holds: the spec, the versions, the weights, and what could not be read."""
    return {
        "spec": result.spec.to_json(),
        "bandwidth_hz": result.spec.bandwidth,
        "weights_sha256": result.hashes,
        "images": int(result.images["image"].nunique()),
        "unreadable_images": list(result.problems),
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
