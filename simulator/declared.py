"""What a user's part must be before it is called, because an import string can name anything."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from semantic.parts.errors import message, place
from semantic.plugins import load
from simulator.environment import unmoved

#: The base class of each kind of part that is constructed.
CONTRACTS = {
    "channel": "phy.channel:Channel",
    "codec": "simulator.source_codec:SourceCodec",
    "scheme": "simulator.scheme:Scheme",
}
#: Names of the first parameter of a scheme's factory.
NETWORKS = ("networks", "stack")


def check_declared(kind: str, name: str, part: Any) -> None:
    """Refuses to call an object that does not declare that it makes the wanted part.

    A class must be a subclass of the contract, and a function must be annotated as one that
    returns it. The factory of a scheme may instead call its first parameter `networks`. So
    "os:system" is imported, but never called.

    Args:
        kind: A key of `CONTRACTS`.
        name: Name of the part, for the message.
        part: The imported object.

    Raises:
        ValueError: One line with the kind of the object.

    >>> check_declared("scheme", "os:system", print)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: scheme 'os:system' is a builtin_function_or_method, it must be ... is networks
    """
    base: type = load(kind, name, CONTRACTS[kind])
    if kind == "scheme":
        wanted = "a function whose first parameter is networks"
        declared = _first_parameter(part) in NETWORKS or _returns(part, base)
    else:
        contract = f"{base.__module__}.{base.__qualname__}"
        wanted = f"a subclass of {contract}, or a function annotated as -> {base.__qualname__}"
        declared = _is_subclass(part, base) or _returns(part, base)
    if not declared:
        what = "class" if inspect.isclass(part) else type(part).__name__
        raise ValueError(f"{kind} {name!r} is a {what}, it must be {wanted}")


@contextmanager
def named_errors(kind: str, name: str) -> Iterator[None]:
    """Turns any error of a part, also its exit, into one line that names the part.

    Raises:
        ValueError: Instead of the error. A ValueError of a built-in part is passed on as it is.
    """
    own = name.partition(":")[2]
    try:
        with unmoved():
            yield
    except ValueError as error:
        if not own or own in message(error):
            raise
        text = message(error)
        raise ValueError(f"{kind} {name}: {text}{place(error)}") from error
    except (Exception, SystemExit) as error:
        text = f"{type(error).__name__}: {message(error)}"
        raise ValueError(f"{kind} {name} failed while it was made: {text}{place(error)}") from error


def _is_subclass(part: Any, base: type) -> bool:
    return inspect.isclass(part) and issubclass(part, base)


def _first_parameter(part: Any) -> str:
    try:
        return next(iter(inspect.signature(part).parameters), "")
    except (TypeError, ValueError):
        return ""


def _returns(function: Any, base: type) -> bool:
    """Whether the annotation of a function says that it returns a `base`."""
    if inspect.isclass(function):
        return False
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    said = getattr(function, "__annotations__", {}).get("return")
    if isinstance(said, str):
        said = getattr(function, "__globals__", {}).get(said.strip("'\""))
    return _is_subclass(said, base)
