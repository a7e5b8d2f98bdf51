"""Whether a run's directory can be made and written to."""

from __future__ import annotations

import tempfile
from pathlib import Path


def check_writable(out: Path) -> None:
    """Makes the run's directory before any work.

    Raises:
        ValueError: When it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise ValueError(
            f"output directory {out} cannot be made or written to: {error.strerror}"
        ) from None
