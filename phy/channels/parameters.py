"""Checks of the numbers that a channel is made with."""

from __future__ import annotations

import math
from collections.abc import Callable


def checked(
    channel: str, name: str, value: object, allowed: Callable[[float], bool], rule: str
) -> float:
    """A finite number within its range.

    Args:
        channel: Whose parameter it is, for the message.
        name: Of the parameter.
        value: What was given.
        allowed: Whether a finite number is.
        rule: The same in words, the end of "it must be ...".

    Raises:
        ValueError: One line with channel, parameter, value and rule.

    >>> checked("rician", "k_factor", 2, lambda k: k >= 0, ">= 0")
    2.0
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and allowed(value)):  # type: ignore[arg-type]
        raise ValueError(f"channel {channel}: {name} {value} is not allowed, it must be {rule}")
    return float(value)  # type: ignore[arg-type]


def positive(channel: str, name: str, value: object) -> float:
    """A number above 0."""
    return checked(channel, name, value, lambda v: v > 0, "> 0")
