"""VeRi-776, as its authors hand it out (https://github.com/JDAI-CV/VeRidataset).

    image_train/  name_train.txt  train_label.xml               -> "train"
    image_query/  name_query.txt  -+
    image_test/   name_test.txt   -+- test_label.xml            -> "test"

Vehicle and camera come from the file names, color and type from the XML files.
"""

from __future__ import annotations

import codecs
import logging
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import numpy as np

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
from semantic.data.tree import check_directory, is_directory, is_file, list_images, read_labels
from semantic.data.veri_index import check_indices

# 18 digits fit 64 bits; -1 is an unknown vehicle.
_NAME = re.compile(r"^(-?[0-9]{1,18})_c([0-9]{3,9})(?![0-9])")
# These training vehicles have typeID 0 in the first label file; they are of type 2 (suv).
_TYPE_CORRECTION = {3: 2, 7: 2, 41: 2}
_PARTS = {"train": ("train",), "test": ("query", "test")}

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Labels:
    """(color, type) indices of each image in the XML file, and of each vehicle."""

    image: dict[str, tuple[int, int]]
    vehicle: dict[int, tuple[int, int]]

    def of(self, image: str, vehicle: int) -> tuple[int, int]:
        """No file labels the queries: they take what is known of their vehicle."""
        known = self.image.get(image, (UNKNOWN, UNKNOWN))
        other = self.vehicle.get(vehicle, (UNKNOWN, UNKNOWN))
        return (
            known[0] if known[0] != UNKNOWN else other[0],
            known[1] if known[1] != UNKNOWN else other[1],
        )


def open_veri(root: Path, split: Split = "test") -> VehicleImages:
    """Opens VeRi-776.

    Every query image is also in image_test; it then is two rows, one query, one gallery. A listed
    image that is missing stays in the set: it is named when the images are read.

    Args:
        root: the directory that holds image_train, image_query and image_test.
        split: "train", or "test" for queries and gallery.

    Raises:
        NoSuchSplitError: if there is no image_train.
        ValueError: if another directory or all images of a list are missing, a name has no vehicle and
            camera, a label file is damaged, or a query cannot be answered; one line naming the file.
    """
    check_directory(root)
    parts = {part: _image_names(root, part) for part in _PARTS[split]}
    labels = _read_labels(root / f"{split}_label.xml")
    files: list[ImageFile] = []
    left_out: list[str] = []
    ids: list[tuple[int, int]] = []
    is_query: list[bool] = []
    for part, (names, problems) in parts.items():
        left_out += [f"image_{part}: {problem}" for problem in problems]
        for name, on_disk in names.items():
            files.append(ImageFile(f"image_{part}/{name}", root / f"image_{part}" / on_disk))
            ids.append(_parse_name(name, root / f"image_{part}"))
            is_query.append(part == "query")
    marks = [labels.of(f.path.name, i[0]) for f, i in zip(files, ids, strict=True)]
    images = VehicleImages(
        "veri",
        tuple(files),
        np.array([i[0] for i in ids]),
        np.array([i[1] for i in ids]),
        np.array([m[0] for m in marks]),
        np.array([m[1] for m in marks]),
        np.array(is_query),
        left_out=tuple(left_out),
    )
    _report_unlabeled(images, root / f"{split}_label.xml")
    if split == "test":
        check_queries(images, str(root / "image_query"))
        check_indices(images, root)
    return images


def _image_names(root: Path, part: str) -> tuple[dict[str, str], list[str]]:
    """({name: name on the disk} in the order of the list, which the index files count in, problems)."""
    directory = root / f"image_{part}"
    if not is_directory(directory):
        inside = [p.parent.name for p in root.glob(f"*/image_{part}")]
        hint = f"; did you mean veri:{root / inside[0]}?" if inside else ""
        error = NoSuchSplitError if part == "train" else ValueError  # test images can stand alone
        raise error(f"{root}: not VeRi-776, image_{part}/ is missing{hint}")
    present, problems = list_images(directory)
    table = root / f"name_{part}.txt"
    if not present:
        raise ValueError(f"{directory}: no images")
    if not is_file(table):
        return {name: name for name in present}, problems
    names = read_labels(table).decode("utf-8-sig", errors="replace").split()
    if not names:
        kind = "query images" if part == "query" else "images"
        raise ValueError(f"{table}: no {kind}")
    twice = len(names) - len(set(names))
    if twice:
        raise ValueError(f"{table}: {twice} images are given twice")
    known = {composed(name): name for name in present}
    if not any(composed(name) in known for name in names):
        raise ValueError(f"{table}: none of its {len(names)} images is in {directory}")
    return {name: known.get(composed(name), name) for name in names}, []


def _parse_name(name: str, directory: Path) -> tuple[int, int]:
    match = _NAME.match(name)
    if match is None:
        raise ValueError(
            f"{directory}/{shown(name)}: no vehicle and camera in the name, must be like "
            "0002_c002_*.jpg, the vehicle a number of at most 18 digits"
        )
    return int(match[1]), int(match[2])


def _read_labels(path: Path) -> _Labels:
    """Color and type from an XML file; no labels if it is missing."""
    labels = _Labels({}, {})
    if not is_file(path):
        _log.warning("%s is missing: color and type are unknown", path)
        return labels
    contradictions: list[str] = []
    no_labels: list[str] = []
    for item in _items(path):
        name = item.get("imageName", "")
        match = _NAME.match(name)
        if match is None:
            raise ValueError(f"{path}: imageName {shown(name)!r} must be like 0002_c002_*.jpg")
        vehicle = int(match[1])
        given = item.get("vehicleID")
        if given is not None and _integer(given) != vehicle:
            contradictions.append(f"{shown(name)} has vehicleID {shown(given)!r}")
        color = _index(item.get("colorID"), len(COLORS))
        kind = _index(item.get("typeID"), len(TYPES))
        for key, count in (("colorID", len(COLORS)), ("typeID", len(TYPES))):
            number = _integer(given_id := item.get(key))
            if given_id is not None and (number is None or number > count):
                no_labels.append(f"{shown(name)} has {key} {shown(given_id)!r}")
        if labels.image.get(name, (color, kind)) != (color, kind):
            raise ValueError(f"{path}: {shown(name)} is given twice, with different labels")
        if _integer(item.get("typeID")) == 0 and vehicle in _TYPE_CORRECTION:
            kind = _TYPE_CORRECTION[vehicle] - 1
        labels.image[name] = color, kind
        old = labels.vehicle.get(vehicle, (UNKNOWN, UNKNOWN))
        labels.vehicle[vehicle] = (
            color if old[0] == UNKNOWN else old[0],
            kind if old[1] == UNKNOWN else old[1],
        )
    _warn(path, contradictions, "the name counts")
    _warn(path, no_labels, f"colors are 1 to {len(COLORS)}, types 1 to {len(TYPES)}")
    return labels


def _warn(path: Path, found: list[str], rule: str) -> None:
    """Names the first of some wrong entries of a file."""
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        _log.warning("%s: %s%s; %s", path, found[0], more, rule)


def _items(path: Path) -> list[ElementTree.Element]:
    # The files declare gb2312, which the parser refuses ("multi-byte encodings are not
    # supported"): it gets decoded text and ignores the declaration. gb18030 contains gb2312.
    raw = read_labels(path)
    marked = raw.startswith(codecs.BOM_UTF8)  # then it is UTF-8, whatever it declares
    declared = None if marked else re.search(rb"""^[^>]*encoding=["']([\w-]+)""", raw[:200])
    encoding = declared[1].decode().lower() if declared else "utf-8-sig"
    encoding = {"gb2312": "gb18030", "gbk": "gb18030", "utf-8": "utf-8-sig"}.get(encoding, encoding)
    try:
        return list(ElementTree.fromstring(raw.decode(encoding, errors="replace")).iter("Item"))
    except LookupError as error:
        raise ValueError(f"{path}: unknown encoding {encoding!r}") from error
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}: damaged XML: {error}") from error


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\s*[0-9]{1,9}\s*", text) else None


def _index(text: str | None, count: int) -> int:
    """VeRi counts from 1; any id outside its list is no label."""
    number = _integer(text)
    return number - 1 if number is not None and 1 <= number <= count else UNKNOWN


def _report_unlabeled(images: VehicleImages, table: Path) -> None:
    if not is_file(table):
        return  # already said
    for kind, column in (("color", images.color), ("type", images.type)):
        masked = np.flatnonzero(column == UNKNOWN)
        if len(masked):
            first = images.files[int(masked[0])].name
            _log.warning("%s: %d images without a %s, first %s", table, len(masked), kind, first)
