"""The part that is to be checked: by name, as a class, or made already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from simulator.checks.report import Finding

Part = TypeVar("Part")


def open_part(
    given: object,
    contract: type[Part],
    by_name: Callable[[str], Any],
    arguments: Mapping[str, Any] | None = None,
) -> tuple[str, Part | Finding]:
    """What to call it in the report, and the part itself or what is wrong with its class.

    Args:
        given: A part, its class, or a name.
        contract: The class that it must be a subclass of.
        by_name: Makes one of a name.
        arguments: Of the class.

    Raises:
        ValueError: One line, for an unknown name or argument.
    """
    kind = given if isinstance(given, type) else type(given)
    subject = given if isinstance(given, str) else f"{kind.__module__}:{kind.__qualname__}"
    made: Any = given
    if isinstance(given, str):
        made = by_name(given)
    elif isinstance(given, type):
        made = given(**dict(arguments or {}))
    if isinstance(made, contract):
        return subject, made
    expected = f"a subclass of {contract.__module__}.{contract.__qualname__}"
    return subject, Finding("class", expected, f"a {type(made).__name__}", False)
