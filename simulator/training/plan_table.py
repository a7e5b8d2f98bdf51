"""OUT/trainings.csv: each training of the plans of a directory with its weights, or why it has none."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Set
from pathlib import Path

from semantic.weights.files import file_hash, read_weights
from simulator.files import write_whole
from simulator.training.plan import TrainingPlan

COLUMNS = ("reading", "seed", "scheme", "state", "weights_of", "sha256", "code_sha256", "error")

Row = dict[str, str]
Cell = tuple[str, str, str]


def write_table(
    plan: TrainingPlan, out: Path, failures: Mapping[str, str], tried: Set[str]
) -> None:
    """Writes the table of a directory; what it says of other trainings stays true.

    Args:
        plan: The plan.
        out: Its directory, which other plans may have had.
        failures: The reason of each training that has failed.
        tried: Names of the trainings of this command. The failures of all others are those that
            the table already has.
    """
    path = out / "trainings.csv"
    old = _read(path)
    shared = {
        (name, str(seed), scheme): plan.trained_by(name, scheme)
        for name, planned in plan.readings.items()
        for seed in plan.seeds
        for scheme in planned.schemes
    }
    others = {cell: row["weights_of"] for cell, row in old.items() if cell not in shared}
    rows = []
    for cell, of in (shared | others).items():
        job = f"{of}/seed-{cell[1]}/{cell[2]}"
        before = old.get(cell, {}) if job not in tried else {}
        rows.append(_row(out, cell, of, failures.get(job, before.get("error", ""))))
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_whole(path, lambda temporary: temporary.write_text(text.getvalue(), encoding="utf-8"))


def _row(out: Path, cell: Cell, of: str, error: str) -> Row:
    reading, seed, scheme = cell
    file = out / of / f"seed-{seed}" / f"{scheme}.safetensors"
    row = {"reading": reading, "seed": seed, "scheme": scheme, "weights_of": of, "error": error}
    if error or not file.exists():
        return {**row, "state": "failed" if error else "missing"}
    try:
        code = str(read_weights(file)[1].get("code_sha256", ""))
    except ValueError as problem:
        return {**row, "state": "failed", "error": str(problem)}
    return {**row, "state": "trained", "sha256": file_hash(file), "code_sha256": code}


def _read(path: Path) -> dict[Cell, Row]:
    """Returns the rows of an earlier table; none of a file that is no such table."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            rows = list(table) if tuple(table.fieldnames or ()) == COLUMNS else []
    except (OSError, ValueError, csv.Error):
        return {}
    whole = [row for row in rows if None not in row.values() and None not in row]
    return {(row["reading"], row["seed"], row["scheme"]): row for row in whole}
