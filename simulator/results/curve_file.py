"""Reads curve.csv, which people edit and other programs write."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

TEXTS = ("scheme", "channel", "metric")
NUMBERS = ("snr_db", "value", "ci_low", "ci_high", "n")


def read_curve(file: Path) -> pd.DataFrame:
    """Reads the points of a curve, as `simulator.results.curve.curve` returns them.

    Raises:
        ValueError: One line with the file, if it cannot be read, lacks a column, or has a text in a
            column of numbers.
    """
    try:
        table = pd.read_csv(file)
    except (ValueError, OSError) as error:  # also no columns, wrong quotes, or not UTF-8
        raise ValueError(f"{file} cannot be read: {error}") from None
    for column in (*TEXTS, *NUMBERS):
        if column not in table:
            raise ValueError(f"{file} has no column {column!r}")
    if not len(table):
        raise ValueError(f"{file} has no points")
    for column in NUMBERS:
        if not pd.api.types.is_numeric_dtype(table[column]):
            bad = table[column][pd.to_numeric(table[column], errors="coerce").isna()]
            raise ValueError(f"{file}: {column} is {str(bad.iloc[0])!r:.60}, it must be a number")
    return table
