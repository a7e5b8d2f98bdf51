"""A run on the command line: headline, progress bar, log, files, tables, exit code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import pandas as pd

from simulator.commands.budget_note import budget_notes, target_notes
from simulator.commands.few_vehicles import few_vehicles_notes
from simulator.commands.output import Output, entry
from simulator.commands.part_log import LOG_NAME, logged_part_errors
from simulator.commands.terminal import Bar, headline
from simulator.commands.user_errors import ending
from simulator.files import write_whole
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.engines import Engine
from simulator.sweeps.records import write_result
from simulator.sweeps.store import Store
from simulator.sweeps.sweep import Result, run
from simulator.sweeps.sweepfile import directory_name, joined, read_sweep, short_name
from simulator.sweeps.trainings import run_trainings
from simulator.sweeps.writable import check_writable

#: Exit code besides those of `user_errors`.
SOME_CELLS_FAILED = 1
#: Lines about files left out on the terminal; run.json has them all.
PROBLEMS_SHOWN = 10


def execute_one(
    spec: RunSpec, out: Path | None, output: Output, engine: dict[str, Any], resume: bool
) -> None:
    """Runs a spec, and exits with 1 if cells have failed."""
    out = out or Path("runs") / default_name(spec)
    result = execute(spec, out, output, Engine(**engine), resume)
    output.document(result.curve, [entry(out, result)])
    if result.failures:
        sys.exit(SOME_CELLS_FAILED)


def default_name(spec: RunSpec) -> str:
    """Returns the name of a run's directory, which is no longer than file systems allow.

    >>> default_name(RunSpec(schemes=("semharq", "perfect"), data="veri:/data/VeRi"))
    'semharq-perfect-VeRi'
    """
    return short_name(f"{'-'.join(spec.schemes)}-{Path(spec.data).name}".replace(":", "-"))


def execute_sweep(
    file: Path,
    complete: Callable[[RunSpec], RunSpec],
    out: Path | None,
    output: Output,
    engine: dict[str, Any],
    resume: bool,
) -> None:
    """Runs every combination of a sweep file in its own directory, and joins the curves.

    Args:
        file: The sweep file.
        complete: Applies the options of the command line to a spec.
        out: Parent of the directories; None for runs/<name of the file>.
        output: Where to write.
        engine: Fields of the engine.
        resume: Whether to reuse finished cells.
    """
    runs = [(combination, complete(spec)) for combination, spec in read_sweep(file)]
    parent = out or Path("runs") / file.stem
    entries, curves = [], []
    with Engine(**engine).kept_open() as chosen:
        for number, (combination, spec) in enumerate(runs, 1):
            name = directory_name(combination)
            output.say(f"run {number} of {len(runs)}: {name}")
            result = execute(spec, parent / name, output, chosen, resume)
            entries.append(entry(parent / name, result))
            curves.append(joined(combination, result.curve))
    table = pd.concat(curves, ignore_index=True)
    write_whole(parent / "curve.csv", lambda path: table.to_csv(path, index=False))
    output.say(f"{parent}/: curve.csv of {len(runs)} runs")
    output.document(table, entries)
    if any(found["failed_cells"] for found in entries):
        sys.exit(SOME_CELLS_FAILED)


def execute(spec: RunSpec, out: Path, output: Output, engine: Engine, resume: bool) -> Result:
    """Runs a spec into a directory, for one training or for several.

    Raises:
        ValueError: One line for the user.
    """

    def one(part: RunSpec, where: Path | None) -> Result:
        if spec.trainings:
            number = spec.trainings.index(str(part.weights)) + 1
            output.say(f"training {number} of {len(spec.trainings)}: {part.weights}")
        return _execute_training(part, where or out, output, engine, resume, not spec.trainings)

    with logged_part_errors(out):
        result = run_trainings(spec, out, one)
    if spec.trainings:
        output.show(result)
        write_result(result, out)
        output.say(files_of(out))
    return result


def _execute_training(
    spec: RunSpec, out: Path, output: Output, engine: Engine, resume: bool, alone: bool
) -> Result:
    """Runs the spec of one training into a directory.

    Returns:
        The result. Failed cells are named in it and on stderr.

    Raises:
        ValueError: One line for the user.
    """
    named, out = out, out.absolute()  # a part of the user's may change the directory
    prepared = prepare(spec)
    check_writable(out)
    output.say(headline(prepared))
    with log_to(out / LOG_NAME), Bar(output.quiet) as bar:
        logging.getLogger("simulator").info("begin: %s", spec.to_json())
        try:
            result = run(prepared, bar, out, engine, resume)
            if alone:
                bar.stop()
                output.show(result)  # before the figure, which takes a second
            write_result(result, out)
        except KeyboardInterrupt as error:
            word, code = ending(error)
            kept = len(Store(out).names("*.rows"))  # without files that are being written
            logging.getLogger("simulator").warning(
                "%s; %d finished points are kept in %s; repeat the command to go on",
                *(word, kept, named),
            )
            sys.exit(code)
        except BrokenPipeError:  # of the tables, not of a file
            raise
        except OSError as error:
            raise ValueError(
                f"{error.filename or out} cannot be written: {error.strerror}; finished cells are "
                f"kept in {named}; repeat the command to go on"
            ) from None
        logging.getLogger("simulator").info("end: %d points", len(result.names))
    for problem in result.problems[:PROBLEMS_SHOWN]:
        click.echo(f"simulate: image left out: {problem}", err=True)
    if len(result.problems) > PROBLEMS_SHOWN:
        rest = len(result.problems) - PROBLEMS_SHOWN
        click.echo(f"simulate: left out: {rest} more, all named in {out}/run.json", err=True)
    if alone and not output.quiet:
        output.say(files_of(named))
        of_files = *budget_notes(prepared, result), *target_notes(prepared, result)
        for note in (*few_vehicles_notes(result.curve), *of_files):
            output.say(f"note: {note}")
    return result


def files_of(out: Path) -> str:
    """Returns the line that names the files of a run."""
    return f"{out}/: curve.csv images.parquet run.json curve.png"


class _Stderr(logging.Handler):
    """Prints warnings as one-line messages on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(f"simulate: {record.getMessage()}", err=True)


class _LogFile(logging.FileHandler):
    """A log file whose errors do not stop the run: a full disk, a directory of that name."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a message; says once on stderr if the file cannot be opened."""
        try:
            super().emit(record)
        except OSError as error:
            if self.level < logging.CRITICAL:
                click.echo(
                    f"simulate: {self.baseFilename} cannot be written: {error.strerror}", err=True
                )
            self.setLevel(logging.CRITICAL + 1)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Ignores the error, which the run reports itself."""

    def close(self) -> None:
        """Closes the file; what a full disk has not taken is lost."""
        with suppress(OSError):
            super().close()


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Writes the messages of a run to a file, and warnings also to stderr."""
    logger: Any = logging.getLogger("simulator")
    file = _LogFile(path, delay=True, encoding="utf-8")
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
