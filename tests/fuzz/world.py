"""Good inputs of every kind, to be damaged: built once, copied for each case."""

from __future__ import annotations

import csv
import io
import json
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from judge import judge_command
from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
COLORS, TYPES = ("yellow", "green", "red", "blue"), ("sedan", "suv", "van", "bus")
VEHICLES, CAMERAS = 3, 3


@dataclass(frozen=True)
class World:
    """A directory of good inputs.

    Attributes:
        root: Its path.
        weights: Directory of tiny weights.
        images: Encoded images, one of each format and mode.
    """

    root: Path
    weights: Path
    images: list[bytes]

    @property
    def table(self) -> Path:
        """A folder with labels.csv."""
        return self.root / "table"

    @property
    def json(self) -> Path:
        """A folder with labels.json."""
        return self.root / "json"

    @property
    def veri(self) -> Path:
        """A tree in VeRi-776's layout."""
        return self.root / "veri"

    @property
    def run(self) -> Path:
        """A finished run."""
        return self.root / "run"

    def copy(self, of: Path, to: Path) -> Path:
        """Copies one of the good directories for a case."""
        shutil.rmtree(to, ignore_errors=True)
        shutil.copytree(of, to)
        return to


def make_world(root: Path, weights: Path) -> World:
    """Writes the good inputs."""
    world = World(root, weights, [_image(k, mode) for k, mode in enumerate(_MODES)])
    _tables(world)
    _veri(world.veri)
    arguments = ["--scheme", "perfect,semharq", "--snr", "0", "--data", world.table]
    problem = judge_command([*arguments, "--weights", weights, "--out", world.run, "--quiet"])
    assert problem is None, problem
    return world


_MODES = ("RGB", "L", "P", "RGBA", "CMYK", "I;16", "1", "LA", "I")


def _image(seed: int, mode: str) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    form = FORMATS[seed % len(FORMATS)]
    for attempt in (form, "PNG", "TIFF"):
        file = io.BytesIO()
        try:
            image.save(file, attempt)
        except (OSError, ValueError):
            continue
        return file.getvalue()
    raise AssertionError(mode)


def _rows() -> list[dict[str, object]]:
    return [
        {
            "file": f"{v:04d}_c{c:03d}_{zlib.crc32(bytes([v, c])) % 9999:08d}_0.jpg",
            "vehicle": v + 1,
            "camera": c,
            "color": COLORS[v % 4],
            "type": TYPES[v % 4],
            "split": "query" if c == 0 else "gallery",
        }
        for v in range(VEHICLES)
        for c in range(CAMERAS)
    ]


def _write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


def _tables(world: World) -> None:
    rows = _rows()
    for root in (world.table, world.json):
        for seed, row in enumerate(rows):
            _write_image(root / str(row["file"]), seed)
    with (world.table / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    (world.json / "labels.json").write_text(json.dumps(rows))


def _veri(root: Path) -> None:
    rows = _rows()
    parts = {"test": rows, "query": [r for r in rows if r["split"] == "query"], "train": rows}
    for part, members in parts.items():
        for seed, row in enumerate(members):
            _write_image(root / f"image_{part}" / str(row["file"]), seed)
        names = "".join(f"{row['file']}\r\n" for row in members)
        (root / f"name_{part}.txt").write_text(names)
    items = "\n".join(
        f'<Item imageName="{r["file"]}" vehicleID="{r["vehicle"]:04d}" cameraID="c{r["camera"]:03d}" '
        f'colorID="{1 + k % 10}" typeID="{1 + k % 9}"/>'
        for k, r in enumerate(rows)
    )
    for name in ("train", "test"):
        text = f'<?xml version="1.0" encoding="gb2312"?>\n<X><Items>{items}</Items></X>\n'
        (root / f"{name}_label.xml").write_text(text)
