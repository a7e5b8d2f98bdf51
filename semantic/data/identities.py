"""What the names of vehicles and cameras stand for, in all loaders."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from semantic.data.filenames import composed, shown

# A negative number, also as pandas writes it ("-1.0"), is no name of a vehicle or camera.
#: Words for a vehicle or camera that nobody knows, in lower case.
UNKNOWN_WORDS = ("nan", "na", "n/a", "none", "null", "unknown", "?", "-", "inf", "-inf", "-nan")
_NUMBER = re.compile(r"[+-]?(\d{1,60}\.?\d{0,60}|\.\d{1,60})([eE][+-]?\d{1,3})?", re.ASCII)
#: A number behind a word or none: c001, cam_2, 17.
_NUMBERED = re.compile(r"([^\W\d_]*)[ _-]*(\d{1,18})")


@lru_cache(maxsize=1 << 16)  # a vehicle's name stands at each of its images
def identity(name: str) -> int | str | None:
    """What a name of a vehicle or camera stands for: its number, the name itself, None if unknown.

    Numbers count by their value, however they are written; negative and infinite ones, and the
    words of `UNKNOWN_WORDS`, are unknown.

    >>> identity("007"), identity("7.0"), identity("red"), identity("NaN"), identity("-1e0")
    (7, 7, 'red', None, None)
    """
    text = composed(name).strip().replace("\u2212", "-")
    if text.casefold() in UNKNOWN_WORDS:
        return None
    if not _NUMBER.fullmatch(text):
        return text
    value = Decimal(text)
    if value.is_signed() and value != 0:
        return None
    whole = value == value.to_integral_value() and value < 10**18
    return int(value) if whole else text


def refuse_mixed_names(column: str, names: Iterable[tuple[str, str]]) -> None:
    """Refuses a number of a vehicle or camera that is written in two ways that count as two.

    Numbers count by their value, but c001, c1 and 1 are three names: images of one camera would
    count as those of three, and a query would find its own camera's images in the gallery.

    Args:
        column: "vehicle" or "camera".
        names: Each name, and where it stands.

    Raises:
        ValueError: One line with both names and their places.
    """
    first: dict[int, dict[str, tuple[str, str]]] = {}
    once = dict[str, str]()
    for name, where in names:
        once.setdefault(name, where)
    for name, where in once.items():
        match = _NUMBERED.fullmatch(composed(name).strip())
        if match is None or identity(name) is None:
            continue
        prefix, written = match[1].casefold(), first.setdefault(int(match[2]), {})
        for other, place in [written[p] for p in written if prefix == p or "" in (prefix, p)]:
            if identity(other) != identity(name):
                raise ValueError(
                    f"{where}: {column} {shown(name)!r}, and {shown(other)!r} at {place}, would be "
                    "two; write one and the same in the same way everywhere"
                )
        written.setdefault(prefix, (name, where))
