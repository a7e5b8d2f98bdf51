"""The table of labels of a plain set: ``labels.csv`` or ``labels.json``.

Columns: file, vehicle (both needed), camera, color, type, split. Color and type are names or blank
(unlabeled); split is train, query or gallery for every image or for none. A vehicle or camera of -1
is unknown. The JSON form is a list of objects with these keys.
"""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from semantic.data.dataset import (
    COLORS,
    TYPES,
    UNKNOWN,
    ImageFile,
    NoSuchSplitError,
    Split,
    VehicleImages,
    check_queries,
)
from semantic.data.filenames import composed, shown
from semantic.data.identities import identity, refuse_mixed_names
from semantic.data.json_text import read_json_text
from semantic.suggest import nearest

COLUMNS = ("file", "vehicle", "camera", "color", "type", "split")
ROLES = ("train", "query", "gallery")
NEEDED = ("file", "vehicle")


@dataclass(frozen=True)
class LabelRow:
    """What is known of one image, before names become numbers.

    Attributes:
        where: file and line, for messages.
        file: the image, relative to the root of the set.
        vehicle: name or number of the vehicle; a negative number if unknown.
        camera: name or number of the camera; "" if not given, a negative number if unknown.
        color: index into `COLORS` or `UNKNOWN`.
        type: index into `TYPES` or `UNKNOWN`.
        role: train, query or gallery; "" if not given.
    """

    where: str
    file: str
    vehicle: str
    camera: str
    color: int = UNKNOWN
    type: int = UNKNOWN
    role: str = ""


def parse_labels(text: str, source: str) -> list[LabelRow]:
    """Reads a table of labels.

    Args:
        text: the table's content; JSON if `source` has that ending, else CSV.
        source: name of the table, for messages.

    Raises:
        ValueError: for a table that cannot be read, an unknown or missing column, an unknown name;
            one line naming source, line, value and nearest valid name.
    """
    is_json = source.lower().endswith(".json")
    records = _json_records(text, source) if is_json else _csv_records(text, source)
    rows = [_row(where, record) for where, record in records]
    if not rows:
        raise ValueError(f"{source}: no images")
    seen: dict[str, dict[str, LabelRow]] = {}
    for row in rows:
        if bool(row.role) != bool(rows[0].role):
            raise ValueError(f"{row.where}: split must be given for every image or for none")
        before = seen.setdefault(posixpath.normpath(composed(row.file)), {})
        same = [identity(row.vehicle), identity(row.camera)]
        for role, other in before.items():
            # As in VeRi-776, a query may also be in the gallery, where the evaluation ignores it.
            ignored = {role, row.role} == {"query", "gallery"}
            if not ignored or same != [identity(other.vehicle), identity(other.camera)]:
                raise ValueError(
                    f"{row.where}: {shown(row.file)} is already given at {other.where}"
                )
        before[row.role] = row
    return rows


def _csv_records(text: str, source: str) -> list[tuple[str, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        header = [column.strip().lower() for column in next(reader, [])]
        _check_columns(header, f"{source}:1")
        records = []
        for fields in reader:
            where = f"{source}:{reader.line_num}"
            if not fields:
                continue
            if len(fields) != len(header):
                raise ValueError(f"{where}: {len(fields)} fields, the header has {len(header)}")
            records.append((where, dict(zip(header, fields, strict=True))))
        _refuse_nameless(header, records, f"{source}:1")
    except csv.Error as error:
        raise ValueError(f"{source}:{reader.line_num}: not CSV: {error}") from error
    return records


def _refuse_nameless(
    header: Sequence[str], records: Sequence[tuple[str, dict[str, str]]], where: str
) -> None:
    """Refuses a column of labels without a name; blank cells and row numbers are no labels."""
    if "" not in header:
        return
    cells = [record[""].strip() for _, record in records]
    counted = [[str(first + i) for i in range(len(cells))] for first in (0, 1)]
    if any(cells) and cells not in counted:
        raise ValueError(
            f"{where}: column {list(header).index('') + 1} has no name, and holds "
            f"{shown(next(filter(None, cells)))!r}; allowed are {', '.join(COLUMNS)}"
        )


def _json_records(text: str, source: str) -> list[tuple[str, dict[str, str]]]:
    try:
        entries = read_json_text(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{source}:{error.lineno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:  # thousands of digits, thousands of brackets
        raise ValueError(f"{source}: not JSON that can be read: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{source}: must be a list of objects, is {type(entries).__name__}")
    records = []
    for number, entry in enumerate(entries, start=1):
        where = f"{source}: entry {number}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where}: must be an object, is {type(entry).__name__}")
        _check_columns(list(entry), where)
        records.append((where, {key: _json_text(where, key, v) for key, v in entry.items()}))
    return records


def _json_text(where: str, key: str, value: object) -> str:
    """The text of a value, which for our columns is a text or a number."""
    known = isinstance(value, str if key == "file" else (str, int, float))
    if key in COLUMNS and value is not None and (not known or isinstance(value, bool)):
        wanted = "text" if key == "file" else "a text or a number"
        raise ValueError(f"{where}: {key} is {shown(repr(value))}, must be {wanted}")
    return "" if value is None else str(value)


def _check_columns(columns: Sequence[str], where: str) -> None:
    """Columns of the user's own pass; a misspelt one would silently lose a label."""
    listed = shown(", ".join(columns)) or "none"
    for column in NEEDED:
        if column not in columns:
            raise ValueError(f"{where}: no column {column!r}; has {listed}")
    for column in columns:
        hint = nearest(column, set(COLUMNS) - set(columns), "")
        if column not in COLUMNS and hint:
            raise ValueError(f"{where}: unknown column {shown(column)!r}{hint}")
    if len(set(columns)) < len(columns):
        raise ValueError(f"{where}: a column is given twice: {listed}")


def _row(where: str, record: dict[str, str]) -> LabelRow:
    value = {column: record.get(column, "").strip() for column in COLUMNS}
    for column in NEEDED:
        if not value[column]:
            hint = "; -1 stands for an unknown vehicle" if column == "vehicle" else ""
            raise ValueError(f"{where}: {column} is blank{hint}")
    role = value["split"].lower()
    if role and role not in ROLES:
        raise ValueError(
            f"{where}: unknown split {shown(value['split'])!r}; {nearest(role, ROLES)}"
        )
    return LabelRow(
        where,
        value["file"],
        value["vehicle"],
        value["camera"],
        _index(value["color"], COLORS, f"{where}: unknown color"),
        _index(value["type"], TYPES, f"{where}: unknown type"),
        role,
    )


def _index(name: str, names: tuple[str, ...], complaint: str) -> int:
    if not name:
        return UNKNOWN
    if name.lower() not in names:
        raise ValueError(f"{complaint} {shown(name)!r}; {nearest(name, names)}")
    return names.index(name.lower())


def assemble(
    name: str,
    where: str,
    rows: Sequence[LabelRow],
    files: Sequence[ImageFile],
    split: Split,
    left_out: Sequence[str] = (),
) -> VehicleImages:
    """Numbers the names, chooses the split's images, and checks that they can be evaluated.

    Without roles there is no "train": it would be the same images as "test", which asks with the
    lowest camera for what the other cameras have seen. A vehicle that only the lowest camera has
    seen stays in the gallery.

    Args:
        name: what the set will be called.
        where: the table or directory, for messages.
        rows: labels, each with a camera.
        files: the image of each row.
        split: "train" or "test".
        left_out: one line for each file that was found and not taken.

    Raises:
        NoSuchSplitError: if the split has no images.
        ValueError: if the test split has a query that cannot be answered, or a vehicle or camera
            two names.
    """
    if split == "train" and not rows[0].role:
        raise NoSuchSplitError(
            f"{where}: no image says whether it is for training, so that training and test would be "
            "the same images; give every image of labels.csv a split: train, query or gallery"
        )
    for column in ("vehicle", "camera"):
        refuse_mixed_names(column, [(getattr(row, column), row.where) for row in rows])
    role = np.array([row.role for row in rows])
    images = VehicleImages(
        name,
        tuple(files),
        _numbers([row.vehicle for row in rows]),
        _numbers([row.camera for row in rows]),
        np.array([row.color for row in rows]),
        np.array([row.type for row in rows]),
        role == "query",
        left_out=tuple(left_out),
    )
    if rows[0].role:
        chosen = (role == "train") == (split == "train")
        if not chosen.any():
            has = ", ".join(sorted(set(role.tolist())))
            raise NoSuchSplitError(f"{where}: no {split} images; the splits it has: {has}")
        images = images.subset(chosen)
    elif split == "test":
        images = _ask_lowest_camera(images, where)
    if split == "test":
        check_queries(images, where)
    return images


def _numbers(names: list[str]) -> npt.NDArray[np.int64]:
    """Numbers as they are; if one is not a number, all are counted in the order of the names.

    >>> _numbers(["7", "12", "-1"]), _numbers(["red", "nan", "blue"])
    (array([ 7, 12, -1]), array([ 1, -1,  0]))
    """
    ids = [identity(name) for name in names]
    known = np.array([one is not None for one in ids], dtype=np.bool_)
    given = [one for one in ids if one is not None]
    numbers = np.full(len(names), UNKNOWN, dtype=np.int64)
    if all(isinstance(one, int) for one in given):
        numbers[known] = given
    else:
        numbers[known] = np.unique([str(one) for one in given], return_inverse=True)[1]
    return numbers


def _ask_lowest_camera(images: VehicleImages, where: str) -> VehicleImages:
    usable = images.known & (images.camera != UNKNOWN)
    if not usable.any():
        raise ValueError(f"{where}: the vehicle or the camera of every image is unknown")
    lowest = images.camera[usable].min()
    if np.all(images.camera[usable] == lowest):
        raise ValueError(f"{where}: all {usable.sum()} images are from one camera, needs two")
    elsewhere = images.vehicle[usable & (images.camera != lowest)]
    is_query = usable & (images.camera == lowest) & np.isin(images.vehicle, elsewhere)
    return replace(images, is_query=is_query)
