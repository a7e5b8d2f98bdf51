"""Numbers as text: ASCII digits alone, so that "1_0", " 1" and other alphabets' digits are refused."""

from __future__ import annotations

import re

WHOLE = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def decimal(text: str) -> float:
    """Returns the number of a text.

    Raises:
        ValueError: If the text is no number in ASCII digits; infinity and NaN are none.

    >>> decimal("-6"), decimal("1e3")
    (-6.0, 1000.0)
    """
    if not DECIMAL.fullmatch(text):
        raise ValueError(f"{text!r:.80} is no number")
    return float(text)
