"""File names as tables and messages show them, and when two of them are the same name."""

from __future__ import annotations

import re
import unicodedata

# Control characters, line separators, and the bytes of a name that are not UTF-8 (surrogates).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(name: str) -> str:
    r"""Returns a name as valid UTF-8 on one line; everything else is escaped.

    Python reads a byte of a file name that is not UTF-8 as a lone surrogate, which no table or
    terminal can hold.

    >>> print(printable("0001_c001_\udcba.jpg"), printable("two\nlines"), printable("caf\xe9"))
    0001_c001_\xba.jpg two\x0alines café
    """
    return _UNSAFE.sub(_escaped, name)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:  # one byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def shown(text: str, most: int = 120) -> str:
    """Returns a user's text for a message: on one line, of at most so many characters.

    >>> shown("x" * 1000, most=5)
    'xxxxx...'
    """
    line = printable(text)
    return line if len(line) <= most else f"{line[:most]}..."


def composed(name: str) -> str:
    """Returns the composed form (NFC) of a name.

    Some systems store "é" as one character and others as two; both are the same name.

    >>> composed("cafe\u0301") == "caf\xe9"
    True
    """
    return unicodedata.normalize("NFC", name)
