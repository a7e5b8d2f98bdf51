"""Reads a style file of matplotlib: each bad line is one message that names the file and the line.

matplotlib itself leaves out what it cannot read, and says so in a log of several lines.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from matplotlib import RcParams, rcParamsDefault

from semantic.suggest import nearest
from simulator.files import read_text

#: All settings, with the values of matplotlib.
DEFAULTS: dict[Any, Any] = dict(rcParamsDefault)
#: Settings of the program that draws; a style has none of them.
NOT_OF_A_STYLE = (
    *("backend", "backend_fallback", "date.epoch", "docstring.hardcopy", "interactive"),
    *("savefig.directory", "timezone", "tk.window_focus", "toolbar", "webagg.address"),
    *("webagg.open_in_browser", "webagg.port", "webagg.port_retries"),
)
#: Least and largest value of the settings that determine how large a figure is.
LIMITS = {"figure.figsize": (1.0, 40.0), "figure.dpi": (1.0, 2400.0), "savefig.dpi": (1.0, 2400.0)}
#: Largest absolute value of any other number.
MOST = 10_000.0
#: Numbers that are not negative: sizes of fonts and markers, widths of lines.
_SIZE = re.compile(r"size$|width$")
#: A comment; "#" between double quotes is a part of the value.
_COMMENT = re.compile(r'^((?:[^#"]|"[^"]*")*)#.*$')


def read_style_file(path: Path) -> dict[str, Any]:
    """Returns the settings of a style file.

    Raises:
        ValueError: One line with the file, the number of the line and what is allowed there.
    """
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ValueError(f"style file {path} cannot be read: {reason}") from None
    settings: dict[str, Any] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        line = _COMMENT.sub(r"\1", line).strip()
        if not line:
            continue
        try:
            name, value = _setting(line)
            if name in settings:
                raise ValueError(f"{name} is given twice")
        except ValueError as error:
            raise ValueError(f"style file {path}, line {number}: {error}") from None
        settings[name] = value
    if not settings:
        raise ValueError(f"style file {path} has no setting of matplotlib")
    return settings


def _setting(line: str) -> tuple[str, Any]:
    """Returns the name and the value of a line.

    >>> _setting("lines.linewidth: 2")
    ('lines.linewidth', 2.0)
    >>> _setting("lines.linewidth: wide")
    Traceback (most recent call last):
    ValueError: lines.linewidth 'wide' is not allowed; allowed is a value such as 1.5
    """
    name, colon, text = (part.strip() for part in line.partition(":"))
    if not colon:
        raise ValueError(f"{line!r:.60} is no setting, it must be NAME: VALUE")
    known = [name for name in DEFAULTS if name not in NOT_OF_A_STYLE]
    if name not in known:
        raise ValueError(f"unknown setting {name!r:.60}: {nearest(name, known)}")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    try:
        checked: dict[Any, Any] = dict(RcParams({name: text}))
    except Exception:  # anything: a cycle of properties is parsed as Python
        allowed = _allowed(name)
        raise ValueError(f"{name} {text!r:.60} is not allowed; allowed is {allowed}") from None
    _check_range(name, checked[name])
    return name, checked[name]


def _allowed(name: str) -> str:
    default = DEFAULTS[name]
    if isinstance(default, bool):
        return "True or False"
    if isinstance(default, list):
        default = ", ".join(map(str, default)) or "none"
    return f"a value such as {default}"[:120]


def _check_range(name: str, value: Any) -> None:
    """Refuses numbers with which nothing can be drawn, or more than memory holds.

    Raises:
        ValueError: One line with the limits.
    """
    least, most = LIMITS.get(name, (0.0 if _SIZE.search(name) else -MOST, MOST))
    for number in value if isinstance(value, (list, tuple)) else (value,):
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            continue
        if not (math.isfinite(number) and least <= number <= most):
            raise ValueError(f"{name} {number:g} is not allowed; allowed is {least:g} to {most:g}")
