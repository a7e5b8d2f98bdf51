"""JSON of a user's: a key that is given twice is a mistake, of which Python would take the last."""

from __future__ import annotations

import json
from typing import Any


def read_json_text(text: str) -> Any:
    """Returns the value of a JSON text, in which no object may have a key twice.

    Raises:
        ValueError: If it is no JSON, or has a key twice.
        RecursionError: If it is nested too deeply.

    >>> read_json_text('{"seed": 1, "seed": 2}')
    Traceback (most recent call last):
    ValueError: the key 'seed' is given twice
    """
    return json.loads(text, object_pairs_hook=_without_repetition)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in found if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.80} is given twice")
    return found
