"""A check that a run's directory can be written to."""

from __future__ import annotations

import tempfile
from pathlib import Path


def check_writable(out: Path) -> None:
    """Creates the run's directory before any work.

    Raises:
        ValueError: If it cannot be created or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ValueError(
            f"output directory {out} cannot be created or written to: {error.strerror}"
        ) from None
