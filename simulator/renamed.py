"""Names of arguments that this release renamed; the old ones work for one more release."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

#: Old name -> new name, by what it names. One table for the command line, run.json and Python.
RENAMED: dict[str, dict[str, str]] = {
    "scheme argument": {
        "engine": "decoder",
        "quantiser": "quantizer",
        "equaliser": "equalizer",
    },
    "budget": {"rounds": "slots"},
    "option of the check of a channel": {"--arg": "--channel-arg"},
    "option of the check of a scheme": {"--arg": "--scheme-arg"},
    "first parameter of a scheme's factory": {"stack": "networks"},
}


class RenamedWarning(DeprecationWarning):
    """An old name was used; the message names the new one."""


def warn_renamed(what: str, old: str) -> str:
    """Returns the new name of `old`, and warns in one line.

    Args:
        what: A key of `RENAMED`.
        old: A name in that part of the table.
    """
    new = RENAMED[what][old]
    text = f"{what} {old!r} is now called {new!r}; the old name will not work in the next release"
    warnings.warn(text, RenamedWarning, stacklevel=3)
    return new


def current_names(
    what: str, arguments: tuple[tuple[str, Any], ...], known: Collection[str]
) -> tuple[tuple[str, Any], ...]:
    """Returns arguments with old names replaced by new ones, sorted as before.

    Args:
        what: A key of `RENAMED`.
        arguments: (name, value) pairs.
        known: Names that somebody takes: an old name is replaced only if its new name is one.

    Raises:
        ValueError: If an argument is given by its old and by its new name.
    """
    renamed, found = RENAMED[what], dict[str, Any]()
    for name, value in arguments:
        old = name in renamed and name not in known and renamed[name] in known
        new = warn_renamed(what, name) if old else name
        if new in found:
            raise ValueError(f"{what} {new!r} is given twice")
        found[new] = value
    same = all(name in found for name, _ in arguments)
    return arguments if same else tuple(sorted(found.items()))


@contextmanager
def shown_on_stderr() -> Iterator[None]:
    """Prints each `RenamedWarning` as one line on stderr, as the command line's other messages."""
    with warnings.catch_warnings():
        usual = warnings.showwarning

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, RenamedWarning):
                print(f"simulate: {message}", file=sys.stderr)
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        warnings.simplefilter("always", RenamedWarning)
        yield
