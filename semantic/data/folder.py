"""Plain folders: a table of labels, or file names that say vehicle and camera.

DIR/labels.csv | DIR/labels.json   -> parse_labels -+
DIR/**/0002_c002_*.jpg and the like -> label_names -+-> assemble -> VehicleImages
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semantic.data.dataset import ImageFile, Split, VehicleImages
from semantic.data.labels import LabelRow, assemble, parse_labels
from semantic.data.patterns import label_names
from semantic.suggest import nearest

TABLES = ("labels.csv", "labels.json")
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif"),
    *(".tiff", ".gif", ".ppm", ".pgm", ".jp2"),
)


def open_folder(root: Path, split: Split = "test", pattern: str | None = None) -> VehicleImages:
    """Open a folder of vehicle images.

    Args:
        root: the folder; without a table of labels its sub-folders are searched too.
        split: "test" or "train".
        pattern: reads vehicle and camera from file names (`semantic.data.patterns`); beside a
            table, only the cameras that it leaves out.

    Raises:
        ValueError: if the folder is missing, has no images, or cannot be labeled or evaluated.
    """
    if not root.is_dir():
        raise ValueError(f"{root}: {'not a directory' if root.exists() else 'no such directory'}")
    name = root.resolve().name
    for table in (root / t for t in TABLES):
        if table.is_file():
            rows = parse_labels(read_text(table), str(table))
            rows = with_cameras(rows, pattern, str(table))
            return assemble(name, str(table), rows, [_listed(root, r) for r in rows], split)
    if (root / "image_query").is_dir() and (root / "image_test").is_dir():
        raise ValueError(f"{root}: this is VeRi-776; use veri:{root}")
    found = list_images(root)
    if not found:
        raise ValueError(f"{root}: no images ({', '.join(SUFFIXES)}) here or below")
    rows = label_names(found, pattern, str(root))
    return assemble(name, str(root), rows, [ImageFile(n, root / n) for n in found], split)


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        ValueError: if it cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from error


def with_cameras(rows: Sequence[LabelRow], pattern: str | None, where: str) -> list[LabelRow]:
    """Fill in missing cameras from the file names, or say which row has none."""
    complete = []
    for row in rows:
        camera = row.camera
        if not camera:
            try:
                camera = label_names([row.file], pattern, where)[0].camera
            except ValueError as error:
                raise ValueError(
                    f"{row.where}: no camera for {row.file}, neither in the table nor by a pattern"
                ) from error
        complete.append(replace(row, camera=camera))
    return complete


def list_images(root: Path) -> list[str]:
    """Names of all images below a directory, sorted, "/" between parts; hidden files left out."""
    names = (path.relative_to(root) for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    visible = (n for n in names if not any(part.startswith((".", "__")) for part in n.parts))
    return sorted(n.as_posix() for n in visible if (root / n).is_file())


def _listed(root: Path, row: LabelRow) -> ImageFile:
    path = root / row.file
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, siblings, "")
        raise ValueError(f"{row.where}: {row.file} is not in {root}{hint}")
    return ImageFile(row.file, path)
