"""An error of a user's own part is one line on the terminal; its traceback goes to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from semantic.parts.errors import full_text, message, origin, place

#: Name of the file in the directory of the results, where a run writes its log.
LOG_NAME = "run.log"


@contextmanager
def logged_part_errors(out: Path) -> Iterator[None]:
    """Turns an error of a user's own part into one line that names the file of its traceback.

    Other errors pass.

    Args:
        out: Directory of the results.

    Raises:
        ValueError: Instead of the error: one line with the user's file and line.
    """
    log = out.absolute() / LOG_NAME  # a part may change the directory
    try:
        yield
    except Exception as error:
        if origin(error) is None:
            raise
        text = message(error)
        line = text if isinstance(error, ValueError) else f"{type(error).__name__}: {text}"
        line += place(error)
        if _written(log, line, full_text(error)):
            line += f"; the traceback is in {out / LOG_NAME}"
        raise ValueError(line) from error


def _written(log: Path, line: str, traceback: str) -> bool:
    """Appends a traceback to a log; returns whether the file could be written."""
    now = datetime.now(UTC).astimezone().isoformat(" ", "seconds")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{now} ERROR {line}\n{traceback}")
    except OSError:
        return False
    return True
