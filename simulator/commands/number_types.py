"""Types of options that are numbers: ASCII digits alone, as in every other place."""

from __future__ import annotations

import re
from typing import Any

import click

from simulator.number_text import DECIMAL, WHOLE


class _Strict:
    """The part of a type of click that reads no other text as a number than the given pattern fits."""

    name: str
    pattern: re.Pattern[str]

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Returns the number of a text.

        Raises:
            click.BadParameter: For any other text.
        """
        if isinstance(value, str) and not self.pattern.fullmatch(value):
            raise click.BadParameter(f"{value!r:.80} is not a valid {self.name}.", ctx, param)
        return super().convert(value, param, ctx)  # type: ignore[misc]


class WholeNumber(_Strict, click.types.IntParamType):
    """A whole number."""

    pattern = WHOLE


class WholeRange(_Strict, click.IntRange):
    """A whole number within limits."""

    name = "integer"
    pattern = WHOLE


class Decimal(_Strict, click.types.FloatParamType):
    """A finite number."""

    pattern = DECIMAL


INTEGER, NUMBER = WholeNumber(), Decimal()
