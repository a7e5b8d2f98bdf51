"""Names in messages: the nearest valid one for a name that is not."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(given: str, allowed: Iterable[str], otherwise: str | None = None) -> str:
    """The end of an error message about an unknown name.

    Args:
        given: what the user wrote.
        allowed: the valid names.
        otherwise: the end if nothing is near; by default the list of valid names.

    Examples:
        >>> nearest("gray", ("red", "gray"))
        "nearest: 'gray'"
        >>> nearest("?", ("red", "gray"))
        'allowed: red, gray'
        >>> nearest("synthetc", ("synthetic",), "")
        "; nearest: 'synthetic'"
    """
    names = list(allowed)
    found = get_close_matches(given.lower(), names, n=1)
    if otherwise is None:
        return f"nearest: {found[0]!r}" if found else f"allowed: {', '.join(names)}"
    return f"; nearest: {found[0]!r}" if found else otherwise
