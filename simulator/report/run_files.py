"""The results of a run, read from its directory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from semantic.data.filenames import printable
from simulator.files import read_json
from simulator.results.curve_file import read_curve
from simulator.results.finished_run import no_run, read_rows
from simulator.spec import RunSpec

#: Columns of images.parquet that a report needs.
NEEDED = ("scheme", "channel", "snr_db", "seed", "image", "file", "transmissions", "stopped_by")


@dataclass(frozen=True)
class RunFiles:
    """The results of a finished run.

    Attributes:
        directory: The directory.
        record: The content of run.json.
        spec: The spec of the run.
        curve: The points, with a column "line": the scheme, and the channel if there are several.
        images: The per-image rows.
    """

    directory: Path
    record: dict[str, Any]
    spec: RunSpec
    curve: pd.DataFrame
    images: pd.DataFrame

    @property
    def name(self) -> str:
        """The name of the directory, as a page can show it."""
        return printable(self.directory.resolve().name)

    @property
    def schemes(self) -> list[str]:
        """The schemes that have points."""
        return [str(name) for name in self.curve["scheme"].unique()]


def is_run(directory: Path) -> bool:
    """Whether a directory holds the results of a run."""
    return (directory / "run.json").is_file() and (directory / "curve.csv").is_file()


def read_run(directory: Path) -> RunFiles:
    """Reads the results of a run.

    Raises:
        ValueError: One line with the file, if one is missing or cannot be read.
    """
    path = directory / "run.json"
    try:
        record = read_json(path)
        images = read_rows(directory)
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(no_run(directory, error)) from None
    spec = RunSpec.read(path)
    for column in NEEDED:
        if column not in images:
            raise ValueError(f"{directory}/images.parquet has no column {column!r}: run again")
    return RunFiles(
        directory, record, spec, named_lines(read_curve(directory / "curve.csv")), images
    )


def named_lines(curve: pd.DataFrame) -> pd.DataFrame:
    """Returns a curve with the name of each line in a column "line".

    >>> table = pd.DataFrame({"scheme": ["a", "a"], "channel": ["c", "d"]})
    >>> named_lines(table)["line"].tolist()
    ['a, c', 'a, d']
    """
    if curve["channel"].nunique() == 1:
        return curve.assign(line=curve["scheme"])
    return curve.assign(line=curve["scheme"] + ", " + curve["channel"])
