"""Numbers as text: ASCII digits alone, so that "1_0", " 1" and other alphabets' digits are refused."""

from __future__ import annotations

import re
from typing import Any

WHOLE = re.compile(r"[+-]?[0-9]+")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
#: Whole numbers below this are the same as a float.
MOST_EXACT = 2**53


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


def argument_text(value: Any) -> str:
    """Returns the value of an argument as the command line gives it: 2 and 2.0 are one number.

    >>> [argument_text(value) for value in (2, 2.0, 0.5, True, None, "fast")]
    ['2', '2', '0.5', '1', 'auto', 'fast']
    """
    if value is None:
        return "auto"
    whole = isinstance(value, bool) or (isinstance(value, float) and value.is_integer())
    return str(int(value)) if whole and abs(value) < MOST_EXACT else str(value)
