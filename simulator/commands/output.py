"""Where a run writes: tables and notes for people, or one JSON document for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import click
import pandas as pd

from simulator.commands.terminal import tables, terminal
from simulator.sweeps.sweep import Result


@dataclass(frozen=True)
class Output:
    """The output of a run.

    Attributes:
        quiet: Whether to show no headline, progress bar or table.
        format: "table", or "json" for one document; the headline and the notes then go to stderr.
        stream: Gets the document; None for stdout.
    """

    quiet: bool = False
    format: str = "table"
    stream: TextIO | None = None

    def say(self, text: str) -> None:
        """Shows a text."""
        if not self.quiet:
            click.echo(text, err=self.format == "json")

    def show(self, result: Result) -> None:
        """Prints the tables of a run."""
        if not self.quiet and self.format == "table":
            console = terminal()
            for view in tables(result.curve, console.width):
                console.print(view)

    def document(self, curve: pd.DataFrame, runs: Sequence[dict[str, Any]]) -> None:
        """Prints the JSON document: the points of all runs, and what `entry` says of each run."""
        if self.format == "json":
            text = json.dumps({"curve": points(curve), "runs": list(runs)}, allow_nan=False)
            click.echo(text, file=self.stream)


def entry(directory: Path, result: Result) -> dict[str, Any]:
    """Returns the directory of a run, its spec and its failed cells for the JSON document."""
    return {
        "directory": str(directory),
        "spec": result.spec.to_json(),
        "failed_cells": [str(failure) for failure in result.failures],
    }


def points(curve: pd.DataFrame) -> list[dict[str, Any]]:
    """Returns the rows of a curve for JSON, which has no number for NaN: null.

    >>> points(pd.DataFrame({"metric": ["mAP"], "value": [float("nan")], "n": [0]}))
    [{'metric': 'mAP', 'value': None, 'n': 0}]
    """
    return [
        {str(name): _finite(value) for name, value in row.items()}
        for row in curve.to_dict("records")
    ]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
