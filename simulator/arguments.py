"""Arguments given as NAME=VALUE: each is declared once, and read and checked in one place.

A frozen dataclass derived from `Arguments` declares the arguments of a family of schemes. The type
of an argument is that of its annotation; `argument` states its default, what is allowed, and one
line of help. `simulate list`, the command line, run.json and docs/arguments.md all use this.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self, get_args, get_origin, get_type_hints

from semantic.suggest import nearest
from simulator.number_text import DECIMAL, WHOLE

#: Types of an argument's value; the first that an annotation names is the argument's kind.
KINDS = (bool, int, float, str)
#: Characters of a value that a message shows.
MOST_SHOWN = 80


@dataclass(frozen=True)
class Argument:
    """The declaration of one argument.

    Attributes:
        name: NAME in NAME=VALUE.
        kind: bool, int, float or str.
        default: Its value if it is not given.
        help: One line.
        allowed: The only values that are allowed; empty for no such list.
        words: Words that are allowed instead of a number.
        least: Smallest number that is allowed; None for no limit.
        most: Largest number that is allowed; None for no limit.
        open_ends: Whether `least` and `most` themselves are not allowed.
        pattern: Regular expression of a text; None for any text but the empty one.
        example: What the pattern means, in words.
    """

    name: str
    kind: type
    default: Any
    help: str = ""
    allowed: tuple[Any, ...] = ()
    words: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    open_ends: bool = False
    pattern: str | None = None
    example: str = ""

    @property
    def expected(self) -> str:
        """What is allowed, in words."""
        if self.kind is bool:
            return "0 or 1"
        if self.allowed:
            return _either([*self.words, *(str(value) for value in self.allowed)])
        if self.kind is str:
            return self.example or "a word"
        words = f", or {_either(list(self.words))}" if self.words else ""
        return self._range() + words

    def _range(self) -> str:
        if self.least is None:
            number = "a whole number" if self.kind is int else "a number"
            return number if self.most is None else f"at most {_number(self.most, -1)}"
        if self.most is None:
            return f"at least {_number(self.least)}"
        if self.open_ends:
            return f"between {_number(self.least)} and {_number(self.most)}, both excluded"
        return f"{_number(self.least)} to {_number(self.most, -1)}"

    def read(self, value: Any) -> Any:
        """Returns the value of an argument in its declared type.

        Args:
            value: As text (from the command line), or as a value (from JSON or Python). A flag may
                be 0 or 1, a float may be a whole number.

        Raises:
            ValueError: One line: what was given, what is allowed, and the nearest allowed value.

        >>> Argument("ratio", float, 0.5, least=0.25, most=0.75).read("0.3")
        0.3
        """
        if self.kind is not str and isinstance(value, str) and value not in self.words:
            return self.check(self._parse(value))
        return self.check(value)

    def _parse(self, text: str) -> Any:
        if self.kind is bool and text in ("0", "1"):
            return text == "1"
        if self.kind is int and WHOLE.fullmatch(text):
            return int(text)
        if self.kind is float and DECIMAL.fullmatch(text):
            return float(text)
        raise self._refusal(text)

    def check(self, value: Any) -> Any:
        """Returns a value in the declared type, as `read`, but does not read text as a number."""
        if isinstance(value, str) and value in self.words:
            return value
        given = value
        if self.kind is bool and not isinstance(value, str) and value in (0, 1):
            return bool(value)
        if not self._has_kind(value):
            raise self._refusal(value)
        if self.kind is float:
            try:
                value = float(value)
            except OverflowError:
                raise self._refusal(value) from None
        if self.allowed and value not in self.allowed:
            raise self._refusal(value)
        if self.kind is str:
            if not re.fullmatch(self.pattern or ".+", value, re.DOTALL):
                raise self._refusal(value)
        elif not self._within(value):
            raise self._refusal(given)
        return value

    def _has_kind(self, value: Any) -> bool:
        if isinstance(value, bool):
            return self.kind is bool
        return isinstance(value, (int, float) if self.kind is float else self.kind)

    def _within(self, value: float) -> bool:
        try:
            if not math.isfinite(value):
                return False
        except OverflowError:  # a whole number with hundreds of digits
            return False
        low = -math.inf if self.least is None else self.least
        high = math.inf if self.most is None else self.most
        return low < value < high if self.open_ends else low <= value <= high

    def _refusal(self, value: Any) -> ValueError:
        noun = {int: "a whole number", float: "a number"}.get(self.kind)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if noun is not None and not (number and (self.kind is float or isinstance(value, int))):
            problem = f"is not {noun}"
        else:
            problem = "is not allowed"
        choices = [str(v) for v in (*self.allowed, *self.words)]
        hint = nearest(str(value), choices, "") if self.kind is str and choices else ""
        return ValueError(
            f"{self.name} {_shown(value)} {problem}, it must be {self.expected}{hint}"
        )


def argument(default: Any, help: str, **limits: Any) -> Any:
    """Declares a field of an `Arguments` class.

    Args:
        default: Value if the argument is not given.
        help: One line.
        limits: Further fields of `Argument`, e.g. `allowed` or `least`.
    """
    return field(default=default, metadata={"help": help, **limits})


@dataclass(frozen=True)
class Arguments:
    """Arguments of a family of schemes; each field is declared by `argument` and checked.

    Raises:
        ValueError: One line, for a value that is not allowed.
    """

    def __post_init__(self) -> None:
        for name, declared in declarations(type(self)).items():
            object.__setattr__(self, name, declared.read(getattr(self, name)))

    def given(self, values: Mapping[str, Any]) -> Self:
        """Returns the same arguments with some values replaced, checked."""
        return replace(self, **values)


def declarations(kind: type[Arguments]) -> dict[str, Argument]:
    """Returns the declared arguments of a class, by name."""
    hints = get_type_hints(kind)
    return {
        f.name: Argument(f.name, _kind(hints[f.name]), f.default, **f.metadata)
        for f in fields(kind)
    }


def _kind(hint: Any) -> type:
    """Returns the first of `KINDS` in an annotation such as `int | str`."""
    options = get_args(hint) if get_origin(hint) is not None else (hint,)
    return next(kind for kind in KINDS if kind in options)


def plain_value(text: str) -> Any:
    """Returns the value of an argument that nobody has declared: a number if it looks like one.

    >>> [plain_value(text) for text in ("3", "0.5", "03", "fast")]
    [3, 0.5, '03', 'fast']
    """
    if WHOLE.fullmatch(text) and str(int(text)) == text:
        return int(text)
    if DECIMAL.fullmatch(text) and not WHOLE.fullmatch(text):
        return float(text)
    return text


def _shown(value: Any) -> str:
    """A value in a message, cut if it is long."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**40 else "of many digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _number(value: float, inward: int = 1) -> str:
    """A limit in words: whole numbers as they are, others with four digits, which are allowed too.

    >>> _number(30 / 1024), _number(948 / 1024, -1)
    ('0.0293', '0.9257')
    """
    if isinstance(value, int) or (value == int(value) and abs(value) < 1e7):
        return str(int(value))
    text = f"{value:.4g}"
    if (float(text) - value) * inward >= 0:
        return text
    return f"{float(text) + inward * 10 ** (math.floor(math.log10(abs(value))) - 3):.4g}"


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
