"""The nearest valid name, for messages about an unknown one."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def nearest(given: str, allowed: Iterable[str], otherwise: str | None = None) -> str:
    """Returns the end of an error message about an unknown name.

    Args:
        given: Name that the user gave.
        allowed: The valid names.
        otherwise: The end if no name is near; by default the list of valid names.

    >>> nearest("grey", ("red", "gray"))
    "nearest: 'gray'"
    >>> nearest("map", ("rank1", "mAP"))
    "nearest: 'mAP'"
    >>> nearest("?", ("red", "gray"))
    'allowed: red, gray'
    >>> nearest("synthetc", ("synthetic",), "")
    "; nearest: 'synthetic'"
    """
    names = list(allowed)
    by_lower = {name.lower(): name for name in names}
    found = [by_lower[match] for match in get_close_matches(given.lower(), by_lower, n=1)]
    if otherwise is None:
        return f"nearest: {found[0]!r}" if found else f"allowed: {', '.join(names)}"
    return f"; nearest: {found[0]!r}" if found else otherwise


def no_argument(
    owners: Sequence[str], argument: str, taken: Iterable[str], misspelled: bool = True
) -> str:
    """Returns the message about an argument that none of some parts takes.

    Args:
        owners: The parts, each with its kind and name.
        argument: Name that the user gave.
        taken: Names of the arguments that at least one of the parts takes.
        misspelled: Whether it may be one of these; not if it is an argument of another part.

    >>> no_argument(["scheme a"], "rat", ("rate", "bits"))
    "scheme a takes no argument 'rat'; nearest: 'rate'; it takes rate, bits"
    >>> no_argument(["scheme a", "scheme b"], "x", ())
    "scheme a and scheme b take no argument 'x'; they take none"
    """
    *others, last = owners
    subject = f"{', '.join(others)} and {last}" if others else last
    names = list(taken)
    verb, pronoun = ("take", "they") if others else ("takes", "it")
    hint = nearest(argument, names, "") if names and misspelled else ""
    return (
        f"{subject} {verb} no argument {argument!r}{hint}; {pronoun} {verb} "
        f"{', '.join(names) or 'none'}"
    )
