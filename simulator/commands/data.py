"""`simulate data`: creates data sets."""

from __future__ import annotations

from pathlib import Path

import click

from simulator.commands.number_types import INTEGER, WholeRange
from simulator.commands.paths import PATH


@click.group("data")
def data() -> None:
    """Create data sets."""


@data.command("synthetic")
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "large"]),
    default="train",
    show_default=True,
    help="Split; all four have different vehicles.",
)
@click.option(
    "--out",
    type=PATH,
    required=True,
    metavar="DIR",
    help="Directory of the data set.",
)
@click.option("--seed", type=INTEGER, default=0, show_default=True, help="Seed of the images.")
@click.option(
    "--vehicles", type=INTEGER, metavar="N", help="Number of vehicles [that of the split]."
)
@click.option(
    "--workers",
    type=WholeRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of processes.",
)
@click.option("--quiet", is_flag=True, help="No progress bar.")
def synthetic(
    split: str, out: Path, seed: int, vehicles: int | None, workers: int, quiet: bool
) -> None:
    """Render synthetic vehicles.

    This needs the extra [render] and EGL. The images do not depend on the number of processes. An
    interrupted call resumes where it stopped.
    """
    from semantic.data.synthetic import write_synthetic
    from simulator.commands.terminal import Bar

    with Bar(quiet) as bar:
        write_synthetic(
            split,
            out,
            seed,
            vehicles,
            lambda done, total: bar("rendering", done, total),
            workers,
        )
    click.echo(f"{out}: images/ and labels.csv; select it with --data {out}")
