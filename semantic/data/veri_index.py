"""VeRi-776's index files, read only to see whether a copy of the set is consistent.

Line i is query i; the numbers count name_test.txt from 1. "gt" lists the query's vehicle in other
cameras, "jk" the query's vehicle in its own camera. The evaluation does not need them.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from semantic.data.dataset import VehicleImages
from semantic.data.tree import is_file, read_labels

# The data set's own ReadMe names them differently from the files.
INDEX_NAMES = {"gt": ("gt_index.txt", "gt_image.txt"), "jk": ("jk_index.txt", "jk_image.txt")}

_log = logging.getLogger(__name__)


def check_indices(images: VehicleImages, root: Path) -> None:
    """Logs one warning per index file that contradicts the file names.

    Args:
        images: queries in the order of name_query.txt, then the gallery in that of name_test.txt.
        root: directory of the data set.
    """
    query, gallery = np.flatnonzero(images.is_query), np.flatnonzero(~images.is_query)
    for kind, variants in INDEX_NAMES.items():
        path = next((root / v for v in variants if is_file(root / v)), None)
        if path is None:
            continue
        try:
            lines = read_labels(path).decode("ascii", errors="replace").splitlines()
        except ValueError as error:  # nothing is taken from these files
            _log.warning("%s", error)
            continue
        if not any(line.strip() for line in lines):
            continue
        if len(lines) != len(query):
            _log.warning("%s: %d lines for %d queries", path, len(lines), len(query))
            continue
        for number, (line, q) in enumerate(zip(lines, query, strict=True), start=1):
            same = images.vehicle[gallery] == images.vehicle[q]
            here = images.camera[gallery] == images.camera[q]
            expected = np.flatnonzero(same & (here == (kind == "jk"))) + 1
            # Matlab pads short rows with 0 or -1.
            listed = {int(f) for f in line.split() if f.isdigit() and len(f) < 10} - {0}
            if listed != set(expected.tolist()):
                _log.warning("%s:%d: does not fit the names of query and gallery", path, number)
                break
