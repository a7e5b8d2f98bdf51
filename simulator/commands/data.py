"""`simulate data`: creates data sets."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("data")
def data() -> None:
    """Create data sets."""


@data.command("synthetic")
@click.option("--split", type=click.Choice(["train", "test"]), default="train", show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Directory of the data set.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the images.")
@click.option("--vehicles", type=int, metavar="N", help="Number of vehicles [that of the split].")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def synthetic(split: str, out: Path, seed: int, vehicles: int | None, quiet: bool) -> None:
    """Render synthetic vehicles.

    This needs the extra [render] and EGL.
    """
    from semantic.data.synthetic import write_synthetic
    from simulator.commands.terminal import Bar

    with Bar(quiet) as bar:
        write_synthetic(
            split, out, seed, vehicles, lambda done, total: bar("rendering", done, total)
        )
    click.echo(f"{out}: images/ and labels.csv; select it with --data {out}")
