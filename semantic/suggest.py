"""The nearest valid name, for messages about an unknown one."""

from collections.abc import Iterable
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
