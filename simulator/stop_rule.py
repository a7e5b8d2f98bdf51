"""Stop rules for the seeds of a point: `--until ci=1.0` and `--until errors=100`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from semantic.suggest import nearest
from simulator.number_text import decimal

MAX_SEEDS = 100
RULES = ("ci", "errors")


@dataclass(frozen=True)
class StopRule:
    """A rule that ends the adding of seeds to a point.

    Attributes:
        kind: "ci", until the confidence interval of every accuracy is narrow enough; "errors", until
            every accuracy has enough errors.
        target: Half-width in percentage points, or number of errors.
    """

    kind: str
    target: float

    @classmethod
    def parse(cls, text: str) -> StopRule:
        """Returns the rule of "ci=1.0" or "errors=100".

        Raises:
            ValueError: For any other text.

        >>> StopRule.parse("ci=0.5")
        StopRule(kind='ci', target=0.5)
        """
        kind, equals, value = text.partition("=")
        if kind not in RULES:
            raise ValueError(f"unknown stop rule {kind!r}: {nearest(kind, RULES)}")
        try:
            target = decimal(value)
        except ValueError:
            target = math.nan
        if not equals or not (math.isfinite(target) and target > 0):
            raise ValueError(f"stop rule {text!r} needs a positive number: ci=1.0 or errors=100")
        if kind == "errors" and target != int(target):
            raise ValueError(f"stop rule {text!r} needs a whole number of errors: errors=100")
        return cls(kind, target)
