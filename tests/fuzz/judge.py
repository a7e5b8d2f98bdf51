"""What an input may lead to: it works, or one line says what is wrong with it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence

from click.testing import CliRunner

from simulator.cli import main

#: Exit codes of the command line: done, some cells failed or a check failed, the user's mistake.
ALLOWED_CODES = (0, 1, 2)
LONGEST_LINE = 2000


def judge_call(call: Callable[[], object], allowed: tuple[type[Exception], ...]) -> str | None:
    """Returns what is wrong with how a function took its input; None for nothing."""
    try:
        call()
    except allowed as error:
        return line_problem(str(error))
    except Exception:
        return traceback.format_exc(limit=-4)
    return None


def judge_refused(call: Callable[[], object], words: str) -> str | None:
    """Returns what is wrong with how a function refused its input; None for nothing."""
    try:
        call()
    except ValueError as error:
        return line_problem(str(error)) if words in str(error) else f"another refusal: {error}"
    return "it was not refused"


def judge_command(arguments: Sequence[str]) -> str | None:
    """Returns what is wrong with how the command line took its arguments; None for nothing."""
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    unexpected = result.exception
    if unexpected is not None and not isinstance(unexpected, SystemExit):
        return "".join(traceback.format_exception(unexpected, limit=-4))
    if result.exit_code not in ALLOWED_CODES:
        return f"exit code {result.exit_code}: {result.output[-500:]}"
    if "Traceback (most recent call last)" in result.output:
        return result.output[-2000:]
    if result.exit_code != 2:
        return None
    lines = [line for line in result.stderr.splitlines() if line.startswith("simulate: ")]
    return line_problem(lines[-1]) if lines else f"exit code 2 without a line: {result.output!r}"


def line_problem(text: str) -> str | None:
    """Returns why a message is not one readable line; None if it is."""
    if not text.strip():
        return "the message is empty"
    if len(text.splitlines()) > 1:
        return f"the message has several lines: {text!r}"
    return f"the message has {len(text)} characters" if len(text) > LONGEST_LINE else None
