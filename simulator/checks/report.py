"""What a check found: one line for each thing that must hold, expected beside found."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import t as student

#: Probability that one statistical check fails although all is well (two-sided).
SIGNIFICANCE = 1e-4
#: Beside the statistics: rounding of float32.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: Its name.
        expected: What must hold, in words.
        found: What was seen.
        ok: Whether it holds; None where this machine cannot tell.
    """

    what: str
    expected: str
    found: str
    ok: bool | None


@dataclass(frozen=True)
class Report:
    """All that was looked at.

    Attributes:
        kind: "channel", "scheme", "data set" or "codec".
        subject: What was checked.
        findings: In order.
    """

    kind: str
    subject: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What does not hold."""
        return tuple(finding for finding in self.findings if finding.ok is False)

    @property
    def summary(self) -> str:
        """One line."""
        total, failed = len(self.findings), len(self.failures)
        unknown = sum(finding.ok is None for finding in self.findings)
        text = f"{self.kind} {self.subject}: "
        text += f"{failed} of {total} checks fail" if failed else f"{total - unknown} checks hold"
        return text + (f", {unknown} not checked here" if unknown else "")

    def __str__(self) -> str:
        lines = [self.summary]
        for f in self.failures:
            lines.append(f"  {f.what}: expected {f.expected}; found {f.found}")
        return "\n".join(lines)


Rule = Callable[[], Iterator[Finding]]


def gather(kind: str, subject: str, rules: Mapping[str, Rule]) -> Report:
    """Runs rules one after the other; one that raises has failed, and the others go on."""
    findings: list[Finding] = []
    for what, rule in rules.items():
        try:
            findings.extend(rule())
        except Exception as error:  # a user's part can raise anything
            text = " ".join(str(error).split())
            findings.append(Finding(what, "no error", f"{type(error).__name__}: {text}", False))
    return Report(kind, subject, tuple(findings))


def holds(what: str, expected: str, problem: str | None, found: str = "holds") -> Finding:
    """A finding from the first problem, or from none."""
    return Finding(what, expected, found if problem is None else problem, problem is None)


def mean_is(what: str, values: npt.NDArray[np.float64], expected: float) -> Finding:
    """Whether independent numbers have a mean, by Student's test.

    Args:
        what: Name of the mean.
        values: [n], independent: one per image, or of many images each.
        expected: Their mean.
    """
    quantile = float(student.ppf(1 - SIGNIFICANCE / 2, len(values) - 1))
    with np.errstate(invalid="ignore"):
        mean = float(values.mean())
        half = quantile * float(values.std(ddof=1)) / math.sqrt(len(values))
    slack = ROUNDING * max(1.0, abs(expected))
    return Finding(
        what,
        f"{expected:g}, within {quantile:.1f} standard errors",
        f"{mean:.4f} +- {half:.4f}",
        bool(abs(mean - expected) <= half + slack),  # NaN fails
    )


class GlobalGenerators:
    """Whether torch's, numpy's and Python's global generators stand where they stood."""

    def __init__(self) -> None:
        self._before = self._state()

    @staticmethod
    def _state() -> tuple[Any, ...]:
        _, words, *rest = np.random.get_state()  # noqa: NPY002 -- to see that nobody uses it
        numpy_state = (np.asarray(words).tobytes(), *rest)
        return torch.get_rng_state().numpy().tobytes(), numpy_state, random.getstate()

    def restore(self) -> None:
        """Puts them back."""
        words, numpy_rest, python = self._before
        torch.set_rng_state(torch.frombuffer(bytearray(words), dtype=torch.uint8))
        key, rest = numpy_rest[0], numpy_rest[1:]
        np.random.set_state(("MT19937", np.frombuffer(key, np.uint32), *rest))  # noqa: NPY002
        random.setstate(python)

    def finding(self) -> Finding:
        """That they have not moved."""
        names = ("torch", "numpy.random", "random")
        moved = [
            name
            for name, old, new in zip(names, self._before, self._state(), strict=True)
            if old != new
        ]
        return holds(
            "global generators",
            "untouched: numbers come from the streams alone",
            f"{', '.join(moved)} moved" if moved else None,
            "untouched",
        )
