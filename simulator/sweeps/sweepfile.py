"""Sweep files: fields of a run, and a grid over any fields.

    [run]
    schemes = ["semharq", "perfect"]
    snr_db = "-6:8:2"
    seeds = 3

    [grid]
    channel = ["rician", "rayleigh"]
    max_transmissions = [1, 4]
    "channel_args.fading" = ["fast", "block"]

Every combination of the grid is a run. The last line of the grid varies fastest. A file may have
several grids, each under `[[grid]]`: their runs follow each other.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semantic.suggest import nearest
from simulator.files import read_text
from simulator.spec import RunSpec, parse_snr
from simulator.sweeps.limits import check_runs

if TYPE_CHECKING:
    import pandas as pd

SECTIONS = ("run", "grid")
FIELDS = tuple(field.name for field in fields(RunSpec))
#: Fields that are tables of arguments. "channel_args.k_factor" names an argument.
TABLES = ("channel_args", "scheme_args", "impairments")

#: Most bytes of the name of a directory; file systems allow 255.
MOST_NAME_BYTES = 200

#: The values of a run in the grid: field -> value.
Combination = dict[str, Any]


def read_sweep(path: Path) -> list[tuple[Combination, RunSpec]]:
    """Reads the runs of a sweep file, each with its combination in the grid.

    Raises:
        ValueError: One line with the file, the line in it, the wrong value and the allowed ones.
    """
    try:
        text = read_text(path)
        file = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, tomllib.TOMLDecodeError):
            raise ValueError(f"{path}: {error}") from None
        raise ValueError(f"sweep file {path} cannot be read: {error}") from None
    for section, table in file.items():
        if section not in SECTIONS:
            raise ValueError(
                f"{_line(path, text, '', section)}: unknown section {section!r}: "
                f"{nearest(section, SECTIONS)}"
            )
        several = section == "grid" and isinstance(table, list)
        if not all(isinstance(one, dict) for one in (table if several else [table])):
            raise ValueError(f"{_line(path, text, '', section)}: [{section}] must be a table")
    base = _checked(path, text, "run", {k: [v] for k, v in file.get("run", {}).items()})
    found = file.get("grid", {})
    grids = [
        _checked(path, text, "grid", grid)
        for grid in (found if isinstance(found, list) else [found])
    ]
    for name in base:
        if any(name in grid for grid in grids):
            where = _line(path, text, "grid", name)
            raise ValueError(f"{where}: {name} is in [run] and in [grid]")
    start = {name: values[0] for name, values in base.items()}
    runs: dict[str, tuple[Combination, RunSpec]] = {}
    named: dict[RunSpec, str] = {}
    for combination in _combinations(path, grids):
        name = directory_name(combination)
        try:
            if name in runs:
                raise ValueError("two grids of the file have it")
            spec = RunSpec.from_json(_spread({**start, **combination}))
            if spec in named:
                raise ValueError(f"it is the same run as {named[spec]}; leave one of them out")
            named[spec] = name
            runs[name] = combination, spec
        except ValueError as error:
            raise ValueError(f"{path}, run {name}: {error}") from None
    return [*runs.values()]


def _combinations(path: Path, grids: list[dict[str, list[Any]]]) -> list[Combination]:
    """Returns the combinations of every grid.

    Raises:
        ValueError: If they are too many.
    """
    found: list[Combination] = []
    for grid in grids:
        try:
            check_runs(map(len, grid.values()))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        found += [
            dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())
        ]
    return found


def directory_name(combination: Combination) -> str:
    """Returns the name of a run's directory.

    >>> directory_name({"channel": "rician", "channel_args.k_factor": 2})
    'channel=rician,channel_args.k_factor=2'
    >>> directory_name({})
    'run'
    """
    parts = [f"{name}={_short(value)}" for name, value in combination.items()]
    return short_name(re.sub(r"[^A-Za-z0-9.,=_+-]+", "_", ",".join(parts)) or "run")


def short_name(name: str) -> str:
    """Returns a name that file systems allow: the end of a long one is replaced by its hash.

    >>> short_name("semharq"), len(short_name("x" * 1000))
    ('semharq', 200)
    """
    if len(name.encode()) <= MOST_NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    start = name.encode()[: MOST_NAME_BYTES - 17].decode(errors="ignore")
    return f"{start}-{digest}"


def joined(combination: Combination, curve: pd.DataFrame) -> pd.DataFrame:
    """Returns the curve of a run with its combination as the first columns."""
    columns = {name: _short(value) for name, value in combination.items() if name not in curve}
    return curve.assign(**columns)[[*columns, *curve.columns]]


def _checked(path: Path, text: str, section: str, table: dict[str, Any]) -> dict[str, list[Any]]:
    """Returns every field with its values, after a check of each value.

    Raises:
        ValueError: For the first wrong value, with its line.
    """
    found = {}
    for name, values in _flat(table).items():
        where = _line(path, text, section, name)
        field = name.partition(".")[0]
        if field not in FIELDS or ("." in name and field not in TABLES):
            raise ValueError(f"{where}: unknown field {name!r}: {nearest(name, FIELDS)}")
        if not isinstance(values, list) or not values:
            raise ValueError(f"{where}: {name} in [grid] must be a list of values")
        for value in values:
            try:
                if section == "run" and field in TABLES and "." not in name:
                    raise ValueError(f"{name} must be a table")
                RunSpec.from_json(_spread({name: value}))
            except ValueError as error:
                # Rules between two fields are checked with the whole spec.
                if field not in ("channel_args", "until", "max_seeds"):
                    raise ValueError(f"{where}: {error}") from None
        found[name] = values
    return found


def _flat(table: dict[str, Any]) -> dict[str, Any]:
    """Returns a table in which every argument is an entry of its own."""
    found: dict[str, Any] = {}
    for name, value in table.items():
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if name in TABLES and isinstance(inner, dict):
            wrap = isinstance(value, list)
            found |= {f"{name}.{k}": [v] if wrap else v for k, v in inner.items()}
        else:
            found[name] = value
    return found


def _spread(flat: Combination) -> dict[str, Any]:
    """Returns the JSON object of a spec: arguments in their tables, short forms expanded."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        field, dot, argument = name.partition(".")
        if dot:
            found.setdefault(field, {})[argument] = value
        elif name == "snr_db" and isinstance(value, str):
            found[name] = parse_snr(value)
        elif name in ("snr_db", "schemes") and not isinstance(value, list):
            found[name] = [value]
        else:
            found[name] = value
    return found


def _line(path: Path, text: str, section: str, name: str) -> str:
    """Returns the position of a name, e.g. "sweep.toml, line 7"."""
    key = re.escape(name.rpartition(".")[2] if "." in name else name)
    dotted = re.escape(name)
    at, inside = 0, section == ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if header:
            inside = section == "" or header[1].partition(".")[0] == section
            if section == "" and header[1].partition(".")[0] == name:
                return f"{path}, line {number}"
        elif inside and re.match(rf"""\s*["']?(?:{dotted}|{key})["']?\s*[=.]""", line):
            return f"{path}, line {number}"
        elif inside and not at and re.search(rf"\b{key}\b", line):
            at = number  # inside an inline table
    return f"{path}, line {at}" if at else str(path)


def _short(value: Any) -> Any:
    return "+".join(str(v) for v in value) if isinstance(value, list) else value
