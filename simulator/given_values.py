"""Values that a Python program gives, checked before any work: one line says what they must be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

Kind = TypeVar("Kind")


def given_path(name: str, value: Any) -> Path:
    """Returns the path of a text or of an object of `os.PathLike`.

    Args:
        name: Name of the argument, for the message.
        value: What was given.

    Raises:
        ValueError: One line, for another type, or for a text that names no file.

    >>> given_path("out", 3)
    Traceback (most recent call last):
    ValueError: out is 3, it must be the path of a file or directory
    """
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else b""
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"{name} is {value!r:.80}, it must be the path of a file or directory")
    return Path(text)


def given_names(name: str, value: Any) -> tuple[str, ...]:
    """Returns the names of "A,B" or of a list of names.

    Raises:
        ValueError: One line, for anything else.

    >>> given_names("metric", "mAP, rank1"), given_names("metric", ["mAP"])
    (('mAP', 'rank1'), ('mAP',))
    """
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    names = list(value) if isinstance(value, Iterable) else [value]
    if not all(isinstance(one, str) for one in names):
        raise ValueError(f"{name} is {value!r:.80}, it must be a name or a list of names")
    return tuple(one.strip() for one in names if one.strip())


def given_text(name: str, value: Any) -> str:
    """Returns a text; a path is one.

    Raises:
        ValueError: One line, for anything else.
    """
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r:.80}, it must be a text")
    return value


def plain(value: Any) -> Any:
    """Returns the Python number of a number of numpy or torch, and anything else as it is.

    >>> import numpy as np
    >>> plain(np.int64(3)), plain(np.array(0.5)), plain("3")
    (3, 0.5, '3')
    """
    return value.item() if getattr(value, "shape", None) == () else value


def one_or_several(value: Any) -> tuple[list[Any], bool]:
    """Returns (the values, whether several were given); a text is one value.

    >>> one_or_several(3), one_or_several(range(2)), one_or_several("ab")
    (([3], False), ([0, 1], True), (['ab'], False))
    """
    value = plain(value)
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return [value], False
    return [plain(one) for one in value], True


def given_object(name: str, value: Any, kind: type[Kind], words: str) -> Kind:
    """Returns an object of a type, and refuses one of another type.

    Args:
        name: Name of the argument, for the message.
        value: What was given.
        kind: Its type.
        words: What it must be, for the message.

    Raises:
        ValueError: One line.
    """
    if not isinstance(value, kind):
        raise ValueError(f"{name} is a {type(value).__name__}, it must be {words}")
    return value
