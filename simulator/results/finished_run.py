"""Which directories hold finished runs, and the message about one that holds none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from semantic.data.filenames import printable


def files_below(directory: Path, name: str) -> list[Path]:
    """Returns the files of a name in a directory and below it, sorted; none if it cannot be read.

    >>> files_below(Path("x" * 300), "run.json")
    []
    """
    try:
        return sorted(directory.rglob(name))
    except OSError:  # a name that is too long for the file system, for example
        return []


def read_rows(directory: Path) -> pd.DataFrame:
    """Returns the rows of images.parquet: one per scheme, channel, SNR, seed and image.

    Python opens the file, because pyarrow takes no path that is not UTF-8.

    Raises:
        OSError: If there is no such file.
        ValueError: If it is damaged.
    """
    with (directory / "images.parquet").open("rb") as file:
        return pd.read_parquet(file)


def no_run(directory: Path, reason: Exception | str) -> str:
    r"""Returns one line about a directory that holds no finished run.

    Args:
        directory: The directory.
        reason: The error, or the rest of the sentence.

    >>> no_run(Path("a\nb"), "nor does a directory below it")
    'a\\x0ab holds no finished run, nor does a directory below it'
    >>> no_run(Path("a"), FileNotFoundError(2, "No such file or directory"))
    'a holds no finished run: No such file or directory'
    """
    what = f"{printable(str(directory))} holds no finished run"
    if isinstance(reason, str):
        return f"{what}, {reason}"
    return f"{what}: {printable(str(getattr(reason, 'strerror', None) or reason))}"
