"""Commands on finished and unfinished runs, and the options of how a run is computed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_DIRECTORY = click.Path(path_type=Path)

#: What belongs to `simulator.sweeps.engines.Engine`: the option's name -> the field's.
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
        help="Add seeds to each point until its accuracies are known this well [no].",
    ),
    click.option("--max-seeds", type=int, metavar="N", help="Most seeds of --until [100]."),
    click.option(
        "--engine",
        metavar="auto|inline|local|dask",
        help="Compute in this process, in --workers processes, or on a dask cluster "
        "[local on a CPU with several cores, inline otherwise and for small runs].",
    ),
    click.option(
        "--workers",
        type=int,
        metavar="N",
        help="Processes of --engine local [one per core, at most 8].",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Of --engine dask, tcp://host:8786."),
    click.option("--cell-timeout", type=float, metavar="S", help="A cell may take S seconds."),
    click.option("--cell-images", type=int, metavar="N", help="Most images in one cell [16384]."),
    click.option(
        "--resume/--no-resume",
        default=True,
        help="Take up the finished cells in --out, or throw them away [--resume].",
    ),
)


def engine_options(command: Command) -> Command:
    """Adds the options of how, and how long, a run is computed."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_engine(options: dict[str, Any]) -> dict[str, Any]:
    """Takes the fields of an `Engine` out of the options that were given."""
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
@click.argument("directory", type=_DIRECTORY)
def status(directory: Path) -> None:
    """Show how far a run, or every run below DIRECTORY, has come."""
    from simulator.sweeps.status import lines

    for line in lines(directory):
        click.echo(line)


@click.command("merge")
@click.argument("directories", nargs=-1, required=True, type=_DIRECTORY)
@click.option("--out", type=_DIRECTORY, required=True, metavar="DIR")
def merge(directories: tuple[Path, ...], out: Path) -> None:
    """Join the cells of several runs, e.g. of several machines, into one run."""
    from simulator.sweeps.merge import merge_runs

    click.echo(merge_runs(directories, out))


@click.command("plot")
@click.argument("directories", nargs=-1, required=True, type=_DIRECTORY)
@click.option("--metric", default="rank1", show_default=True)
@click.option("--x", "axis", default="snr", show_default=True, metavar="snr|channel_uses")
@click.option("--scheme", metavar="A[,B...]", help="These schemes only.")
@click.option("--channel", metavar="LABEL", help="This channel only, as the curve names it.")
@click.option("--out", type=_DIRECTORY, required=True, metavar="FILE", help="PNG, PDF or SVG.")
def plot(
    directories: tuple[Path, ...],
    metric: str,
    axis: str,
    scheme: str | None,
    channel: str | None,
    out: Path,
) -> None:
    """Draw one metric of any set of runs on one figure."""
    from simulator.results.figures import draw_runs

    schemes = None if scheme is None else [part.strip() for part in scheme.split(",")]
    draw_runs(directories, metric, axis, out, schemes, channel)
    click.echo(str(out))


@click.command("compare")
@click.argument("a", metavar="DIR[:SCHEME]")
@click.argument("b", metavar="DIR[:SCHEME]")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="[the accuracies]")
@click.option("--out", type=_DIRECTORY, metavar="FILE.csv")
def compare(a: str, b: str, metrics: tuple[str, ...], out: Path | None) -> None:
    """Show what A has over B, image by image on the same fading and noise, with intervals."""
    from simulator.results.compare import compare_runs, open_side

    table = compare_runs(open_side(a), open_side(b), metrics or None)
    if out is not None:
        table.to_csv(out, index=False)
    click.echo(table.to_string(index=False, float_format=lambda value: f"{value:.2f}"))


COMMANDS = (status, merge, plot, compare)
