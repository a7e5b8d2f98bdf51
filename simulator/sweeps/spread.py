"""An order in which cells that run at the same time begin with different images."""

from __future__ import annotations


def van_der_corput(number: int) -> float:
    """Returns a number of the van der Corput sequence, whose first 2^k numbers are evenly spaced.

    >>> [van_der_corput(number) for number in range(6)]
    [0.0, 0.5, 0.25, 0.75, 0.125, 0.625]
    """
    digits = f"{number:b}"[::-1]
    return int(digits, 2) / (1 << len(digits))
