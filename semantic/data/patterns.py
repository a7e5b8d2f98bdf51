"""Labels from file names, for folders without a table of labels.

A pattern is a regular expression that is searched in the path below the root, with the groups
``vehicle`` and ``camera``, and optionally ``class`` if the vehicles are counted within each class.
Two groups without names are vehicle and camera.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from semantic.data.dataset import TYPES, UNKNOWN
from semantic.data.filenames import composed, shown
from semantic.data.labels import LabelRow

# VeRi-776's 0002_c002_00030600_0.jpg, and car_0139_cam1.jpg; -1 is an unknown vehicle.
DEFAULT_PATTERNS = (
    r"(?:^|/)(?P<vehicle>-?[0-9]+)_c(?P<camera>[0-9]{3,})(?![0-9])[^/]*$",
    r"(?:^|/)(?P<class>[A-Za-z]+)_(?P<vehicle>-?[0-9]+)_cam(?P<camera>[0-9]+)[^/]*$",
)
_ALLOWED = {"vehicle", "camera", "class"}


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compiles a user's pattern.

    Raises:
        ValueError: if it is no regular expression, or has no vehicle and camera.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"pattern {pattern!r} is no regular expression: {error}") from error
    named = set(compiled.groupindex)
    unnamed = not named and compiled.groups == 2
    if not unnamed and not ({"vehicle", "camera"} <= named <= _ALLOWED):
        raise ValueError(
            f"pattern {pattern!r} must have the groups (?P<vehicle>...) and (?P<camera>...), "
            "and may have (?P<class>...)"
        )
    return compiled


def label_names(names: Sequence[str], pattern: str | None, where: str) -> list[LabelRow]:
    """Reads the labels of all images from their names.

    Args:
        names: paths below the root, with "/" between their parts.
        pattern: the user's pattern; by default the first of `DEFAULT_PATTERNS` that fits any name.
        where: the directory, for messages.

    Raises:
        ValueError: if no pattern fits, or the chosen one does not fit a name.
    """
    candidates = [re.compile(p) for p in DEFAULT_PATTERNS]
    if pattern is not None:
        candidates = [compile_pattern(pattern)]
    for candidate in candidates:
        matches = [candidate.search(composed(name)) for name in names]
        if not any(matches):
            continue
        for name, match in zip(names, matches, strict=True):
            if match is None:
                fitting = names[[bool(m) for m in matches].index(True)]
                raise ValueError(
                    f"{where}: {shown(name)} does not fit the file-name pattern "
                    f"{candidate.pattern!r} that {shown(fitting)} fits"
                )
        return [_row(name, match) for name, match in zip(names, matches, strict=True) if match]
    tried = pattern if pattern is not None else "0002_c002_... or car_0139_cam1"
    raise ValueError(
        f"{where}: no labels.csv or labels.json, and names such as {shown(names[0])} do not fit {tried}"
    )


def _row(name: str, match: re.Match[str]) -> LabelRow:
    found = match.groupdict() or dict(zip(("vehicle", "camera"), match.groups(), strict=True))
    kind = (found.get("class") or "").lower()
    vehicle, camera = found["vehicle"] or "", found["camera"] or ""
    if not vehicle or not camera:
        raise ValueError(f"{shown(name)}: the pattern finds no vehicle or no camera in this name")
    return LabelRow(
        where=name,
        file=name,
        vehicle=f"{kind}_{vehicle}" if kind and not vehicle.startswith("-") else vehicle,
        camera=camera,
        type=TYPES.index(kind) if kind in TYPES else UNKNOWN,
    )
