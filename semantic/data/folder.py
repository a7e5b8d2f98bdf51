"""Plain folders: a table of labels, or file names that say vehicle and camera.

DIR/labels.csv | DIR/labels.json   -> parse_labels -+
DIR/**/0002_c002_*.jpg and the like -> label_names -+-> assemble -> VehicleImages
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from semantic.data.dataset import ImageFile, Split, VehicleImages
from semantic.data.filenames import composed, shown
from semantic.data.labels import LabelRow, assemble, parse_labels
from semantic.data.patterns import label_names
from semantic.data.tree import (
    check_directory,
    is_directory,
    is_file,
    list_images,
    neighbors,
    reachable,
    read_labels,
)
from semantic.suggest import nearest

TABLES = ("labels.csv", "labels.json")


def open_folder(root: Path, split: Split = "test", pattern: str | None = None) -> VehicleImages:
    """Opens a folder of vehicle images.

    An image of the table that is missing stays in the set: it is named when the images are read, as
    one that is damaged. Without a table, everything below the folder that is no image is named in
    `VehicleImages.left_out`.

    Args:
        root: the folder; without a table of labels its sub-folders are searched too.
        split: "test" or "train".
        pattern: reads vehicle and camera from file names (`semantic.data.patterns`); beside a
            table, only the cameras that it leaves out.

    Raises:
        ValueError: if the folder is missing or cannot be read, has no images, or cannot be labeled
            or evaluated.
    """
    check_directory(root)
    name = root.resolve().name
    _refuse_other_tables(root)
    for table in (root / t for t in TABLES):
        if is_file(table):
            rows = parse_labels(read_text(table), str(table))
            rows = with_cameras(rows, pattern, str(table))
            return assemble(name, str(table), rows, _listed(root, rows), split)
    if is_directory(root / "image_query") and is_directory(root / "image_test"):
        raise ValueError(f"{root}: this is VeRi-776; use veri:{root}")
    _refuse_folders_of_splits(root)
    found, problems = list_images(root)
    if not found:
        more = f"; {problems[-1]}" if problems else ""
        raise ValueError(f"{root}: no images (.jpg, .png, ...) here or below{more}")
    try:
        rows = label_names(found, pattern, str(root))
    except ValueError as error:
        tables = sorted(n for n in _names(root) if n.lower().endswith((".csv", ".json")))
        if not tables:
            raise
        named = f"{shown(tables[0])} is not read; a table must be a file {' or '.join(TABLES)}"
        raise ValueError(f"{error}; {named}") from error
    files = [ImageFile(n, root / n) for n in found]
    return assemble(name, str(root), rows, files, split, problems)


def _refuse_other_tables(root: Path) -> None:
    """Refuses what looks like a table of labels and would be passed over.

    Raises:
        ValueError: There is a table in another form or spelling, or there are two tables.
    """
    found = sorted(n for n in _names(root) if n.lower().startswith("labels."))
    tables = [n for n in found if n in TABLES and is_file(root / n)]
    if len(tables) > 1:
        raise ValueError(f"{root}: {' and '.join(tables)} are both there; keep one of them")
    if found and not tables:
        raise ValueError(
            f"{root}: {shown(found[0])} is not read; the table must be a file {' or '.join(TABLES)}"
        )


def _names(root: Path) -> list[str]:
    try:
        return os.listdir(root)  # noqa: PTH208
    except OSError:  # a folder that may be entered and not listed; a table in it can be read
        return []


def _refuse_folders_of_splits(root: Path) -> None:
    """Refuses a set whose sub-folders are its splits: training images would be judged as well.

    Raises:
        ValueError: There is a sub-folder for training beside one for queries, gallery or test.
    """
    names = {n.lower(): n for n in _names(root) if is_directory(root / n)}
    training = [names[n] for n in ("train", "training", "image_train") if n in names]
    others = [
        names[n] for n in ("query", "gallery", "test", "image_query", "image_test") if n in names
    ]
    if training and others:
        raise ValueError(
            f"{root}: the sub-folders {training[0]} and {others[0]} are no splits without a table; "
            f"give labels.csv with the column split, or {root / others[0]} as the folder"
        )


def read_text(path: Path) -> str:
    """A text file's content.

    Raises:
        ValueError: if it cannot be read or is not UTF-8.
    """
    try:
        return read_labels(path).decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8"
        ) from error


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
                    f"{row.where}: no camera for {shown(row.file)}, neither in the table nor by a pattern"
                ) from error
        complete.append(replace(row, camera=camera))
    return complete


def _listed(root: Path, rows: Sequence[LabelRow]) -> list[ImageFile]:
    """The file of each row, under the form of its name that the disk has.

    Raises:
        ValueError: None of them is there; one or a few that are missing are named when read.
    """
    missing = [row for row in rows if not reachable(root / row.file)]
    on_disk = {composed(n): n for n in list_images(root)[0]} if missing else {}
    if len(missing) == len(rows) and not any(composed(row.file) in on_disk for row in rows):
        first = rows[0]
        hint = nearest(Path(first.file).name, neighbors(root / first.file), "")
        raise ValueError(
            f"{first.where}: {shown(first.file)} is not in {root}{hint}; "
            f"none of the {len(rows)} images is there"
        )
    elsewhere = {row.file: on_disk.get(composed(row.file), row.file) for row in missing}
    return [ImageFile(row.file, root / elsewhere.get(row.file, row.file)) for row in rows]
