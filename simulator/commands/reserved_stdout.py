"""Keeps stdout for one document: all other output goes to stderr. It has no heavy imports."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO


@contextmanager
def reserved_stdout(reserve: bool) -> Iterator[TextIO]:
    """Yields the stream for the document, and sends everything else that is written to stderr.

    This includes what the user's parts print, here and in worker processes that start in this
    context, and what compiled libraries write.

    Args:
        reserve: Whether there is a document; if not, this yields stdout and changes nothing.
    """
    if not reserve:
        yield sys.stdout
        return
    stdout = sys.stdout
    try:
        number, other = stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError):  # a stream in memory, as in a test or a notebook
        with redirect_stdout(sys.stderr):
            yield stdout
        return
    stdout.flush()
    with os.fdopen(os.dup(number), "w", encoding="utf-8") as document:
        os.dup2(other, number)
        try:
            yield document
        finally:
            stdout.flush()
            document.flush()
            os.dup2(document.fileno(), number)
