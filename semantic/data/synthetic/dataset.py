"""Files of a split of the synthetic data set."""

import csv
import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from PIL import Image

from semantic.data.synthetic.renderer import render
from semantic.data.synthetic.tracks import LabeledShot, sample_shots

HEADER = ("file", "vehicle", "camera", "color", "type", "split")
JPEG_QUALITY = 90
#: Least number of images for which workers save more time than they cost, and of a worker's part.
WORTH_WORKERS, LEAST_PART = 200, 50


def write_synthetic(
    split: str,
    out: Path,
    seed: int = 0,
    vehicles: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 1,
) -> None:
    """Renders a split to `out/images/*.jpg` and `out/labels.csv`.

    Existing images are kept, so that an interrupted call resumes where it stopped. The labels are
    written last: a data set with labels is complete.

    Args:
        split: "train", or "validation", "test" or "large" for queries and gallery.
        out: Folder, created if missing.
        seed: Seed of the data set.
        vehicles: Number of vehicles, by default all of the split.
        progress: Called with the number of finished images and that of all images.
        workers: Number of processes.

    Raises:
        ValueError: The split is unknown, or the number of vehicles or workers is not possible.
        RuntimeError: moderngl or EGL is missing.
    """
    if workers < 1:
        raise ValueError(f"workers is {workers}, must be at least 1")
    shots = sample_shots(split, seed, vehicles)
    (out / "images").mkdir(parents=True, exist_ok=True)
    missing = [s for s in shots if not (out / s.file).exists()]
    done = len(shots) - len(missing)
    for count in _write_all(missing, out, workers):
        done += count
        if progress is not None:
            progress(done, len(shots))
    _write_labels(shots, out / "labels.csv")


def _write_all(missing: list[LabeledShot], out: Path, workers: int) -> Iterable[int]:
    if workers == 1 or len(missing) < WORTH_WORKERS:
        yield from _written(missing, out)
        return
    size = max(LEAST_PART, min(400, len(missing) // workers))
    parts = [missing[i : i + size] for i in range(0, len(missing), size)]
    spawn = get_context("spawn")  # an OpenGL context does not survive a fork
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_draw_with_one_thread) as pool:
        yield from pool.map(_write_part, parts, [out] * len(parts))


def _draw_with_one_thread() -> None:
    """Keeps Mesa's software renderer from starting a thread per core in every process."""
    os.environ.setdefault("LP_NUM_THREADS", "1")


def _write_part(part: list[LabeledShot], out: Path) -> int:
    return sum(_written(part, out))


def _written(part: list[LabeledShot], out: Path) -> Iterable[int]:
    for labeled, pixels in zip(part, render(s.shot for s in part), strict=True):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(
            buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0", optimize=True
        )
        _replace(out / labeled.file, buffer.getvalue())
        yield 1


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _write_labels(shots: list[LabeledShot], path: Path) -> None:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEADER)
    for s in shots:
        v = s.shot.vehicle
        rows.writerow((s.file, v.number, s.shot.camera.number, v.color, v.type, s.split))
    _replace(path, text.getvalue().encode())
