"""Commands on finished and unfinished runs, and the options of the engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from simulator.commands.number_types import INTEGER, NUMBER
from simulator.commands.paths import PATH

Command = TypeVar("Command", bound=Callable[..., Any])


#: Options that are fields of `simulator.sweeps.engines.Engine`: name of the option -> of the field.
ENGINE_FIELDS = {
    "engine": "name",
    "workers": "workers",
    "scheduler": "scheduler",
    "cell_timeout": "cell_timeout_s",
    "cell_images": "cell_images",
}

_OPTIONS = (
    click.option(
        "--until",
        metavar="ci=POINTS|errors=N",
        help="Add seeds to each point until its intervals are this narrow, or its errors this many.",
    ),
    click.option("--max-seeds", type=INTEGER, metavar="N", help="Most seeds with --until [100]."),
    click.option(
        "--engine",
        metavar="auto|inline|local|dask",
        help="Compute in this process (inline), in --workers processes (local), or on a dask "
        "cluster [auto: local on a CPU with several cores, inline for small runs].",
    ),
    click.option(
        "--workers",
        type=INTEGER,
        metavar="N",
        help="Number of processes of --engine local [one per core, at most 8].",
    ),
    click.option(
        "--scheduler", metavar="ADDRESS", help="Scheduler of --engine dask, e.g. tcp://host:8786."
    ),
    click.option(
        "--cell-timeout", type=NUMBER, metavar="S", help="Time limit of a cell in seconds [none]."
    ),
    click.option(
        "--cell-images", type=INTEGER, metavar="N", help="Most images in one cell [16384]."
    ),
    click.option(
        "--resume/--no-resume",
        default=True,
        help="Reuse the finished cells in --out, or delete them [--resume].",
    ),
)


def engine_options(command: Command) -> Command:
    """Adds the options of the stop rule and of the engine."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_engine(options: dict[str, Any]) -> dict[str, Any]:
    """Removes the fields of an `Engine` from the given options, and returns them."""
    found = {
        field: options.pop(name)
        for name, field in ENGINE_FIELDS.items()
        if options.get(name) is not None
    }
    if "name" not in found and found.get("workers", 1) > 1:
        found["name"] = "local"
    if "name" not in found and "scheduler" in found:
        found["name"] = "dask"
    return {"name": "auto"} | found


@click.command("status")
@click.argument("directory", type=PATH)
def status(directory: Path) -> None:
    """Show the progress of runs.

    These are the run in DIRECTORY and all runs below it.
    """
    from simulator.sweeps.status import lines

    for line in lines(directory):
        click.echo(line)


@click.command("merge")
@click.argument("directories", nargs=-1, required=True, type=PATH)
@click.option("--out", type=PATH, required=True, metavar="DIR", help="Directory of the joined run.")
def merge(directories: tuple[Path, ...], out: Path) -> None:
    """Join several runs into one.

    The runs may come from several machines, and need not be finished.
    """
    from simulator.sweeps.merge_trainings import merge_runs

    click.echo(merge_runs(directories, out))


@click.command("compare")
@click.argument("a", metavar="DIR[:SCHEME]")
@click.argument("b", metavar="DIR[:SCHEME]")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Metric to compare, repeatable, or A,B [the accuracies].",
)
@click.option("--out", type=PATH, metavar="FILE.csv", help="Also write the table to a file.")
def compare(a: str, b: str, metrics: tuple[str, ...], out: Path | None) -> None:
    """Compare two runs image by image.

    The table shows the paired difference, the first run minus the second one, on the same images,
    fading and noise, with its interval.
    """
    from simulator.commands.terminal import terminal, text_blocks
    from simulator.files import write_whole
    from simulator.results.compare import compare_runs, explanation, open_side

    if out is not None and out.suffix.lower() != ".csv":
        raise ValueError(f"--out {str(out)!r} is not allowed, it must be a .csv file")
    named = tuple(name.strip() for given in metrics for name in given.split(","))
    table = compare_runs(open_side(a), open_side(b), named or None)
    if out is not None:
        write_whole(out, lambda path: table.to_csv(path, index=False))
    shown = table.drop(columns=["comparisons", "seeds", "trainings"]).assign(
        p_value=table["p_value"].map(_shown), p_holm=table["p_holm"].map(_shown)
    )
    click.echo("\n\n".join(text_blocks(shown, 3, terminal().width)))
    click.echo(explanation(table))


def _shown(p_value: float) -> str:
    return "<0.0001" if p_value < 1e-4 else f"{p_value:.4f}"


COMMANDS = (status, merge, compare)
