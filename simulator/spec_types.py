"""Types of the fields of a spec, checked when it comes from a file: JSON can hold anything."""

from __future__ import annotations

from typing import Any

#: Fields that are text; those of `OPTIONAL` may be missing too.
TEXT = ("channel", "data", "budget", "gallery", "device", "until", "weights")
NUMBERS = ("slot_s", "bandwidth_hz")
TABLES = ("channel_args", "impairments", "scheme_args")
LISTS = ("schemes", "snr_db")
OPTIONAL = ("until", "weights", "bandwidth_hz")
#: Largest whole number of a field: more digits are a slip, and no machine counts so far.
MOST = 10**30


def check_types(spec: dict[str, Any]) -> None:
    """Refuses values of a wrong type.

    Raises:
        ValueError: One line with the field, the value and the type that it must have.

    >>> check_types({"data": 5})
    Traceback (most recent call last):
    ValueError: a value of the spec has the wrong type: data is 5, it must be a text
    """
    for name, value in spec.items():
        if value is None and name in OPTIONAL:
            continue
        if name in TEXT and not isinstance(value, str):
            _refuse(name, value, "a text")
        if name in NUMBERS and not _is_number(value):
            _refuse(name, value, "a number")
        if name in TABLES and not _is_table(value):
            _refuse(name, value, "a table of arguments, each a number or a text")
        if name in LISTS and not isinstance(value, (list, tuple)):
            _refuse(name, value, "a list")
    if not all(isinstance(name, str) for name in spec.get("schemes", ())):
        _refuse("schemes", spec["schemes"], "a list of names")
    if not all(_is_number(snr_db) for snr_db in spec.get("snr_db", ())):
        _refuse("snr_db", spec["snr_db"], "a list of numbers")
    for name, value in spec.items():
        if isinstance(value, bool):
            _refuse(name, value, "no truth value")
        if isinstance(value, int) and abs(value) > MOST:
            _refuse(name, value, f"at most {MOST:g}")


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, float) or abs(value) <= MOST


def _is_table(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return True  # pairs, as a RunSpec holds them
    return isinstance(value, dict) and all(
        isinstance(item, str) or _is_number(item) or isinstance(item, bool)
        for item in value.values()
    )


def _refuse(name: str, value: Any, wanted: str) -> None:
    shown = repr(value) if not isinstance(value, int) or abs(value) <= MOST else "a huge number"
    raise ValueError(
        f"a value of the spec has the wrong type: {name} is {shown:.80}, it must be {wanted}"
    )
