"""The report of a conformance check: one finding per rule, with what was expected and found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from semantic.parts.errors import message, place
from semantic.parts.files import Reading
from simulator.process_state import changed, generator_states

#: Probability that one statistical check fails for a correct part (two-sided).
SIGNIFICANCE = 1e-4
#: Tolerance for the rounding of float32, added to that of the statistics.
ROUNDING = 1e-5


@dataclass(frozen=True)
class Finding:
    """The result of one rule.

    Attributes:
        what: Name of the rule.
        expected: The rule in words.
        found: The observation in words.
        ok: Whether the rule holds; None if it was not checked, because this machine cannot, or
            because an error came before.
    """

    what: str
    expected: str
    found: str
    ok: bool | None


@dataclass(frozen=True)
class Report:
    """All findings of a check.

    Attributes:
        kind: "channel", "scheme", "data set", "codec" or "encoder".
        subject: Name of the checked part.
        findings: One finding per rule.
    """

    kind: str
    subject: str
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether no rule has failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings of the rules that do not hold."""
        return tuple(finding for finding in self.findings if finding.ok is False)

    @property
    def summary(self) -> str:
        """The result in one line."""
        total, failed = len(self.findings), len(self.failures)
        unknown = sum(finding.ok is None for finding in self.findings)
        text = f"{self.kind} {self.subject}: "
        text += f"{failed} of {total} checks fail" if failed else f"{total - unknown} checks hold"
        return text + (f", {unknown} not checked" if unknown else "")

    def __str__(self) -> str:
        lines = [self.summary]
        for f in self.failures:
            lines.append(f"  {f.what}: expected {f.expected}; found {f.found}")
        return "\n".join(lines)


Rule = Callable[[], Iterator[Finding]]


def gather(
    kind: str, subject: str, rules: Mapping[str, Rule], files: Reading | None = None
) -> Report:
    """Runs the rules one after another; a rule that raises an exception has failed.

    Args:
        kind: Kind of the part.
        subject: Name of the part.
        rules: The rules by name.
        files: Files that were read when the part was made; None if they are not a part's own.
    """
    findings: list[Finding] = []
    with Reading().active() as late:
        for what, rule in rules.items():
            try:
                findings.extend(rule())
            except Exception as error:  # a user's part can raise anything
                text = message(error)
                findings.append(
                    Finding(
                        what, "no error", f"{type(error).__name__}: {text}{place(error)}", False
                    )
                )
    if files is not None:
        findings.extend(_files(files, late))
    return Report(kind, subject, tuple(findings))


def _files(made: Reading, late: Reading) -> Iterator[Finding]:
    """Yields a finding on the files of a part, if there are any."""
    missed = [path for path in late.seen if path not in made.paths]
    expected = "all that the part reads are declared in its attribute `files`"
    if missed:
        found = f"not declared, and read only while the part is used: {', '.join(missed)}"
        yield Finding("files", expected, found, False)
    elif made.undeclared:
        found = f"not declared, but counted, being read early: {', '.join(made.undeclared)}"
        yield Finding("files", expected, found, None)
    elif made.declared:
        yield Finding("files", expected, ", ".join(made.declared), True)


def holds(what: str, expected: str, problem: str | None, found: str = "holds") -> Finding:
    """Returns the finding of a rule from its first problem; None if there is no problem."""
    return Finding(what, expected, found if problem is None else problem, problem is None)


def mean_is(what: str, values: npt.NDArray[np.float64], expected: float) -> Finding:
    """Tests the mean of independent numbers by Student's t-test.

    Args:
        what: Name of the mean.
        values: [n] independent numbers, e.g. one per image.
        expected: The mean that they must have.
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
    """Checks that the global generators of torch, numpy and Python have not been used."""

    def __init__(self) -> None:
        self._before = generator_states()

    def finding(self) -> Finding:
        """Returns the finding that their states are those at the start."""
        moved = changed(self._before, generator_states())
        return holds(
            "global generators",
            "unused: all random numbers come from the streams",
            f"{', '.join(moved)} used" if moved else None,
            "unused",
        )
