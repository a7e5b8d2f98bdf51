"""Labels and flags of images, checked: no value is rounded or cut in silence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from semantic.conventions import UNKNOWN


def labels(what: str, values: Any, flags: bool) -> npt.NDArray[Any]:
    """Returns labels as int64, or flags as bool; NaN and what is masked are unknown.

    Raises:
        ValueError: One line, for values that are not whole numbers, or not flags.
    """
    if isinstance(values, np.ma.MaskedArray):
        whole_numbers = values.dtype.kind in "bui"
        values = values.astype(np.int64 if whole_numbers else np.float64)
        values = values.filled(UNKNOWN if whole_numbers else np.nan)
    found = np.asarray(values)
    if found.dtype.kind == "f":
        found = np.where(np.isnan(found), UNKNOWN, found)
    whole = found.dtype.kind in "bui" or not found.size
    if found.dtype.kind == "f":
        whole = bool((found == np.floor(found)).all())
    if found.dtype.kind in "uf":
        whole = whole and bool((np.abs(found) < 2.0**63).all())
    if not whole or (flags and bool(((found != 0) & (found != 1)).any())):
        kind = "flags, True or False" if flags else "whole numbers"
        raise ValueError(f"{what} holds {found.ravel()[:3].tolist()!r:.80}, it must hold {kind}")
    return found.astype(np.bool_ if flags else np.int64)


def check_files(what: str, files: Iterable[object]) -> None:
    """Refuses entries that are no image files.

    Raises:
        ValueError: One line with the first of them.
    """
    for file in files:
        named = isinstance(getattr(file, "name", None), str)
        if not named or not callable(getattr(file, "read", None)):
            raise ValueError(
                f"{what} holds {file!r:.80}, it must hold image files, with a name and read(), such "
                "as semantic.data.ImageFile"
            )
