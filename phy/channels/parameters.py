"""Validation of the numerical parameters of a channel."""

from __future__ import annotations

import math
from collections.abc import Callable


def checked(
    channel: str, name: str, value: object, allowed: Callable[[float], bool], rule: str
) -> float:
    """Returns a finite number that is within its range.

    Args:
        channel: Name of the channel in the message.
        name: Name of the parameter in the message.
        value: Given value.
        allowed: Predicate of the range.
        rule: The range in words, the end of "it must be ...".

    Returns:
        The value as a float.

    Raises:
        ValueError: When the value is not a finite number in the range; one line with channel,
            parameter, value and rule.

    >>> checked("rician", "k_factor", 2, lambda k: k >= 0, ">= 0")
    2.0
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and allowed(value)):  # type: ignore[arg-type]
        raise ValueError(f"channel {channel}: {name} {value} is not allowed, it must be {rule}")
    return float(value)  # type: ignore[arg-type]


def positive(channel: str, name: str, value: object) -> float:
    """Returns a finite number above 0.

    Args:
        channel: Name of the channel in the message.
        name: Name of the parameter in the message.
        value: Given value.

    Returns:
        The value as a float.

    Raises:
        ValueError: When the value is not a finite number above 0.

    >>> positive("tdl-c", "carrier_hz", 6e9)
    6000000000.0
    """
    return checked(channel, name, value, lambda v: v > 0, "> 0")
