"""Names of arguments that this release renamed; the old ones work for one more release."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from phy.old_paths import RenamedWarning, warn_old_attribute
from semantic.old_paths import RenamedWarning as SemanticRenamedWarning

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


#: Methods of a contract that users' classes define: old name -> new name, by the contract.
METHODS: dict[str, dict[str, str]] = {"Scheme": {"rounds": "transmissions"}}


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


def keep_old_methods(cls: type, contract: str) -> None:
    """Lets a class define, call and inherit methods by their old names; call in `__init_subclass__`.

    Args:
        cls: A subclass of the contract. Where it has a method by its old name alone, it gets the
            new one, with a warning; where it has the new one alone, it gets the old.
        contract: A key of `METHODS`.
    """
    for old, new in METHODS[contract].items():
        own = next(vars(base) for base in cls.__mro__ if {old, new} & vars(base).keys())
        if new not in own:
            # This function, `__init_subclass__`, `ABCMeta.__new__`, the class statement.
            warn_old_attribute(f"{cls.__name__}.{old}", f"{contract}.{new}", stacklevel=5)
            setattr(cls, new, own[old])
        elif old not in own:
            setattr(cls, old, _by_old_name(own[new], f"{contract}.{old}", f"{contract}.{new}"))


def _by_old_name(method: Callable[..., Any], old: str, new: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        warn_old_attribute(old, new)
        return method(*args, **kwargs)

    return call


@contextmanager
def shown_on_stderr() -> Iterator[None]:
    """Prints each `RenamedWarning` once, as one line on stderr, as the command line's other messages."""
    with warnings.catch_warnings():
        usual, shown = warnings.showwarning, set[str]()

        def show(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
            if issubclass(category, RenamedWarning | SemanticRenamedWarning):
                if str(message) not in shown:
                    print(f"simulate: {message}", file=sys.stderr)
                shown.add(str(message))
            else:
                usual(message, category, *place, **more)

        warnings.showwarning = show
        for category in (RenamedWarning, SemanticRenamedWarning):
            warnings.simplefilter("always", category)
        yield
