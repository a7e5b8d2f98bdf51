"""A decorator for functions that numba compiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Function = TypeVar("_Function", bound=Callable[..., object])


def no_type_check(function: _Function) -> _Function:
    """Returns the function unchanged; the import hook of jaxtyping leaves such a function alone.

    The hook adds run-time type checks to a function, which numba cannot compile. It skips functions
    with a decorator of this name. `typing.no_type_check` would also make mypy skip the function.
    """
    return function
