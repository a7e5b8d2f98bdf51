"""Opens the part that is checked, given by its name, its class, or itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from semantic.parts.files import Reading, declare
from simulator.checks.report import Finding

Part = TypeVar("Part")


def open_part(
    given: object,
    contract: type[Part],
    by_name: Callable[[str], Any],
    arguments: Mapping[str, Any] | None = None,
) -> tuple[str, Part | Finding, Reading]:
    """Returns the name of a part in the report, the part or a finding on its class, and its files.

    Args:
        given: A part, its class, or its name.
        contract: The base class that the part must have.
        by_name: Makes the part with a name.
        arguments: Arguments of the class.

    Raises:
        ValueError: For an unknown name or argument, in one line.
    """
    kind = given if isinstance(given, type) else type(given)
    subject = given if isinstance(given, str) else f"{kind.__module__}:{kind.__qualname__}"
    made: Any = given
    with Reading().active() as files:
        if isinstance(given, str):
            made = by_name(given)
        elif isinstance(given, type):
            made = given(**dict(arguments or {}))
        if isinstance(made, contract):
            declare(contract.__name__, subject, made, dict(arguments or {}))
            return subject, made, files
    expected = f"a subclass of {contract.__module__}.{contract.__qualname__}"
    return subject, Finding("class", expected, f"a {type(made).__name__}", False), files
