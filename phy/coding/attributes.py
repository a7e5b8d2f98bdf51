"""Validation of the attributes of a transport codec."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Smallest and largest code rate of the first transmission.
MIN_RATE, MAX_RATE = 30 / 1024, 948 / 1024
COMBININGS = ("ir", "chase")
#: Largest payload: 1 Gbit takes some 30 GB while it is decoded.
MAX_PAYLOAD_BITS = 1_000_000_000
MAX_ITERATIONS = 10_000


def check_attributes(
    payload_bits: object,
    rate: object,
    rv_order: object,
    combining: object,
    iterations: object,
    give_up: object,
    decoder: object,
) -> None:
    """Refuses attributes of the wrong type or out of range; see `phy.coding.transport.TransportCodec`.

    Raises:
        ValueError: One line: what was given, and what is allowed.

    >>> check_attributes(100, 0.75, (0, 2), "ir", 0, True, print)
    Traceback (most recent call last):
    ValueError: iterations 0 is not allowed, it must be a whole number from 1 to 10000
    """
    _check_whole("payload_bits", payload_bits, MAX_PAYLOAD_BITS)
    number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if not (number and math.isfinite(rate) and MIN_RATE <= rate <= MAX_RATE):  # type: ignore[arg-type, operator]
        raise ValueError(
            f"rate {rate!r} is not allowed, it must be {MIN_RATE:.4f} to {int(MAX_RATE * 1e4) / 1e4}"
        )
    versions = rv_order if isinstance(rv_order, Sequence) and not isinstance(rv_order, str) else ()
    if not versions or any(type(rv) is not int or rv not in range(4) for rv in versions):
        raise ValueError(f"rv_order {rv_order!r} is not allowed, it must be of 0, 1, 2, 3")
    if combining not in COMBININGS:
        raise ValueError(f"combining {combining!r} is not one of {', '.join(COMBININGS)}")
    _check_whole("iterations", iterations, MAX_ITERATIONS)
    if not isinstance(give_up, bool):
        raise ValueError(f"give_up {give_up!r} is not allowed, it must be True or False")
    if not callable(decoder):
        raise ValueError(
            f"decoder {decoder!r} is not allowed, it must be a phy.coding.ldpc_decoder.Decoder"
        )


def _check_whole(name: str, value: object, most: int) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (whole and 1 <= value <= most):  # type: ignore[operator]
        raise ValueError(
            f"{name} {value!r} is not allowed, it must be a whole number from 1 to {most}"
        )
