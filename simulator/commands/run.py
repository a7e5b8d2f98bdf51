"""A run on the command line: headline, progress bar, log, files, tables, exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pandas as pd
from rich.console import Console

from simulator.commands.terminal import Bar, headline, tables
from simulator.files import write_whole
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.records import write_result
from simulator.sweeps.sweep import Result, run
from simulator.sweeps.sweepfile import directory_name, joined, read_sweep
from simulator.sweeps.trainings import run_trainings
from simulator.sweeps.writable import check_writable

#: Exit codes besides 0 and 2, which is an error of the user.
SOME_CELLS_FAILED, INTERRUPTED = 1, 130
#: Lines about files left out on the terminal; run.json has them all.
PROBLEMS_SHOWN = 10


def execute_one(
    spec: RunSpec, out: Path | None, quiet: bool, engine: dict[str, Any], resume: bool
) -> None:
    """Runs a spec, and exits with 1 if cells have failed."""
    out = out or Path("runs") / f"{'-'.join(spec.schemes)}-{Path(spec.data).name}".replace(":", "-")
    if execute(spec, out, quiet, Engine(**engine), resume).failures:
        sys.exit(SOME_CELLS_FAILED)


def execute_sweep(
    file: Path,
    complete: Callable[[RunSpec], RunSpec],
    out: Path | None,
    quiet: bool,
    engine: dict[str, Any],
    resume: bool,
) -> None:
    """Runs every combination of a sweep file in its own directory, and joins the curves.

    Args:
        file: The sweep file.
        complete: Applies the options of the command line to a spec.
        out: Parent of the directories; None for runs/<name of the file>.
        quiet: Whether to show no headline, progress bar or table.
        engine: Fields of the engine.
        resume: Whether to reuse finished cells.
    """
    runs = [(combination, complete(spec)) for combination, spec in read_sweep(file)]
    parent = out or Path("runs") / file.stem
    failed, curves = False, []
    with Engine(**engine).kept_open() as chosen:
        for number, (combination, spec) in enumerate(runs, 1):
            name = directory_name(combination)
            if not quiet:
                click.echo(f"run {number} of {len(runs)}: {name}")
            result = execute(spec, parent / name, quiet, chosen, resume)
            failed = failed or bool(result.failures)
            curves.append(joined(combination, result.curve))
    table = pd.concat(curves, ignore_index=True)
    write_whole(parent / "curve.csv", lambda path: table.to_csv(path, index=False))
    if not quiet:
        click.echo(f"{parent}/: curve.csv of {len(runs)} runs")
    if failed:
        sys.exit(SOME_CELLS_FAILED)


def execute(spec: RunSpec, out: Path, quiet: bool, engine: Engine, resume: bool) -> Result:
    """Runs a spec into a directory, for one training or for several.

    Raises:
        ValueError: One line for the user.
    """

    def one(part: RunSpec, where: Path | None) -> Result:
        return _execute_training(part, where or out, quiet, engine, resume, not spec.trainings)

    result = run_trainings(spec, out, one)
    if spec.trainings:
        write_result(result, out)
        if not quiet:
            show(result, out)
    return result


def _execute_training(
    spec: RunSpec, out: Path, quiet: bool, engine: Engine, resume: bool, shown: bool
) -> Result:
    """Runs the spec of one training into a directory.

    Returns:
        The result. Failed cells are named in it and on stderr.

    Raises:
        ValueError: One line for the user.
    """
    prepared = prepare(spec)
    check_writable(out)
    if not quiet:
        click.echo(headline(prepared))
    with log_to(out / "run.log"), Bar(quiet) as bar:
        logging.getLogger("simulator").info("begin: %s", spec.to_json())
        try:
            result = run(prepared, bar, out, engine, resume)
            write_result(result, out)
        except KeyboardInterrupt:
            kept = len(list((out / "cells").glob("*.rows")))
            logging.getLogger("simulator").warning(
                "interrupted; %d finished points are kept in %s; repeat the command to go on",
                *(kept, out),
            )
            sys.exit(INTERRUPTED)
        except OSError as error:
            raise ValueError(
                f"{error.filename or out} cannot be written: {error.strerror}; finished cells are "
                f"kept in {out}; repeat the command to go on"
            ) from None
        logging.getLogger("simulator").info("end: %d points", len(result.names))
    for problem in result.problems[:PROBLEMS_SHOWN]:
        click.echo(f"simulate: image left out: {problem}", err=True)
    if len(result.problems) > PROBLEMS_SHOWN:
        rest = len(result.problems) - PROBLEMS_SHOWN
        click.echo(f"simulate: left out: {rest} more, all named in {out}/run.json", err=True)
    if shown and not quiet:
        show(result, out)
    return result


def show(result: Result, out: Path) -> None:
    """Prints the tables and the names of the files."""
    # A pipe has no width. The table gets the width that it needs, so that a log is readable.
    console = Console(width=None if sys.stdout.isatty() else 120)
    for view in tables(result.curve):
        console.print(view)
    click.echo(f"{out}/: curve.csv images.parquet run.json curve.png")


class _Stderr(logging.Handler):
    """Prints warnings as one-line messages on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"simulate: {record.getMessage()}", err=True)


class _LogFile(logging.FileHandler):
    """A log file whose errors, e.g. of a full disk, do not stop the run."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Ignores the error, which the run reports itself."""


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Writes the messages of a run to a file, and warnings also to stderr."""
    logger: Any = logging.getLogger("simulator")
    file = _LogFile(path, delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    lines = _Stderr(logging.WARNING)
    level, passes_on = logger.level, logger.propagate
    logger.addHandler(file)
    logger.addHandler(lines)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(file)
        logger.removeHandler(lines)
        logger.setLevel(level)
        logger.propagate = passes_on
        file.close()
