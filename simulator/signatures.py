"""The arguments that the signature of a class or function declares: of channels and users' parts.

The annotation of a parameter is its declaration: a type of `simulator.arguments.KINDS`, a Literal,
or `Annotated[float, Domain(0, 20)]` for a range.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from phy.channels.parameters import Domain
from simulator.arguments import KINDS, Argument

#: Text that leaves a number to its default rule, for a parameter that may be None.
AUTO = "auto"


def declared_by(parameter: inspect.Parameter, hint: Any) -> Argument | None:
    """Returns the argument that a parameter of a constructor or a factory declares.

    Its type is that of the annotation, or of the default; a `Domain` in the annotation, or a
    Literal, states what is allowed.

    Args:
        parameter: The parameter.
        hint: Its annotation, resolved; `Parameter.empty` for none.

    Returns:
        The declaration; None if the annotation names none of `KINDS`, or several.
    """
    default = None if parameter.default is parameter.empty else parameter.default
    if hint is parameter.empty:
        kind = type(default)
        return Argument(parameter.name, kind, default) if kind in KINDS else None
    domain = next((d for d in getattr(hint, "__metadata__", ()) if isinstance(d, Domain)), None)
    hint = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        return Argument(parameter.name, type(choices[0]), default, allowed=choices)
    # Of list[float] the arguments are no types of the value itself.
    options = set(get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,))
    return _of_types(parameter.name, default, options, domain or Domain())


def _of_types(name: str, default: Any, options: set[Any], domain: Domain) -> Argument | None:
    if domain.choices:
        return Argument(name, str, default, allowed=domain.choices)
    kinds = options - {NoneType}
    kind = float if kinds == {int, float} else next(iter(kinds)) if len(kinds) == 1 else None
    if kind not in KINDS:
        return None
    ends = {"least": domain.least, "most": domain.most}
    limits: dict[str, Any] = {end: value for end, value in ends.items() if math.isfinite(value)}
    if limits:
        limits["open_ends"] = domain.open_ends
    words = (AUTO,) if NoneType in options and kind is not str else ()
    return Argument(name, kind, default, words=words, **limits)


def typed(owner: str, function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns arguments in the types that the parameters of a class or function declare.

    Args:
        owner: What takes the arguments, for messages, e.g. "channel rician".
        function: A class, function or partial; it has a parameter of each name.
        given: The arguments: text or values. A value whose parameter declares no type stays as it
            is, and so does None for a parameter that may be None.

    Raises:
        ValueError: One line: what was given, and what is allowed.
    """
    parameters, hints = inspect.signature(function).parameters, _hints(function)
    found = dict(given)
    for name, value in given.items():
        parameter = parameters[name]
        if parameter.annotation is parameter.empty and isinstance(value, float):
            parameter = parameter.replace(default=_as_float(parameter.default))
        declared = declared_by(parameter, hints.get(name, parameter.annotation))
        if declared is None or (value is None and _may_be_none(hints.get(name))):
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if declared.kind is str and number:
            value = str(value)  # the command line reads 16 as a number
        try:
            value = declared.read(value)
        except ValueError as error:
            raise ValueError(f"{owner}: {error}") from None
        found[name] = None if value == AUTO and AUTO in declared.words else value
    return found


def _may_be_none(hint: Any) -> bool:
    """Whether an annotation such as `float | None` allows None."""
    return NoneType in get_args(get_args(hint)[0] if get_origin(hint) is Annotated else hint)


def _as_float(default: Any) -> Any:
    """A default such as 4 without annotation declares a number, not a whole number."""
    return float(default) if type(default) is int else default


def _hints(function: Any) -> dict[str, Any]:
    """The resolved annotations of a class, function or partial."""
    while hasattr(function, "func"):
        function = function.func
    function = function.__init__ if inspect.isclass(function) else inspect.unwrap(function)
    try:
        return get_type_hints(function, include_extras=True)
    except Exception:  # a user's annotation may name what is imported for the type checker alone
        written = getattr(function, "__annotations__", {})
        known = {kind.__name__: kind for kind in KINDS}
        return {name: known.get(hint, hint) for name, hint in written.items() if known.get(hint)}


def methods_problem(part: object, contract: type) -> str | None:
    """Returns the first method of a part that cannot be called as its contract calls it.

    Args:
        part: A user's object, e.g. a scheme.
        contract: The class that it must be one of, e.g. `Scheme`.

    Returns:
        One line with the parameters that it has and must have; None if all methods can be called.
    """
    for name, stated in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("_"):
            continue
        method = getattr(part, name)
        wanted = [*inspect.signature(stated).parameters][1:]  # without self
        try:
            found = inspect.signature(method)
        except (TypeError, ValueError):  # of compiled code, or no method at all
            if callable(method):
                continue
            return f"{name} is {method!r:.80}, it must be a method"
        try:
            found.bind(*wanted)
        except TypeError:
            return f"{name}{found} must take ({', '.join(wanted)})"
    return None
