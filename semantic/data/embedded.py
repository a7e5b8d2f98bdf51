"""The synthetic test set that ships inside the package, as one zip file."""

from __future__ import annotations

import zlib
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from semantic.data.dataset import ImageFile, NoSuchSplitError, Split, VehicleImages
from semantic.data.folder import with_cameras
from semantic.data.labels import LabelRow, assemble, parse_labels
from semantic.suggest import nearest

ARCHIVE = Path(__file__).with_name("synthetic_test.zip")


def open_synthetic(split: Split = "test") -> VehicleImages:
    """Opens the embedded synthetic test set.

    Raises:
        NoSuchSplitError: for the training split, which is rendered on demand.
        ValueError: for an incomplete installation.
    """
    if split == "train":
        raise NoSuchSplitError(
            "the synthetic training images are not shipped: run `simulate data synthetic "
            "--split train --out DIR` and give DIR as the data"
        )
    return open_archive(ARCHIVE, "synthetic", split)


def open_archive(path: Path, name: str, split: Split = "test") -> VehicleImages:
    """Opens a zip file that holds `labels.csv` and the images it lists.

    Args:
        path: the zip file.
        name: what the set will be called.
        split: "test" or "train".

    A member that is missing is an error here, for the file is one whole: it was copied badly.

    Raises:
        ValueError: if the file is missing or damaged, or lists an image it does not hold.
    """
    table = f"{path}/labels.csv"
    try:
        with ZipFile(path) as archive:
            members = set(archive.namelist())
            text = archive.read("labels.csv").decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ValueError(f"{path}: missing; the installation is incomplete") from error
    except KeyError as error:
        raise ValueError(f"{path}: no labels.csv inside") from error
    except (BadZipFile, OSError, UnicodeDecodeError, RuntimeError, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    rows = _rows(text, table)
    for row in rows:
        if row.file not in members:
            hint = nearest(row.file, members, "")
            raise ValueError(f"{row.where}: {row.file} is not in {path}{hint}")
    files = [ImageFile(row.file, path, row.file) for row in rows]
    return assemble(name, table, rows, files, split)


@lru_cache(maxsize=1)  # the package's table: training reads it for each data set that it opens
def _rows(text: str, table: str) -> tuple[LabelRow, ...]:
    return tuple(with_cameras(parse_labels(text, table), None, table))
