"""`simulate figures`: the tables and figures of the two papers, for any data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from simulator.commands.number_types import INTEGER, WholeRange
from simulator.commands.paths import PATH

#: Name of the figure that is of no paper, and is made on demand alone.
FRONTIER = "frontier"


@click.command("figures")
@click.argument("names", nargs=-1)
@click.option(
    "--paper", type=click.Choice(["smsc-fir", "semharq"]), help="Only the figures of this paper."
)
@click.option("--data", metavar="synthetic|DIR|veri:DIR", help="Test images [synthetic].")
@click.option("--snr", metavar="START:STOP:STEP", help="SNRs in dB [-6:8:2].")
@click.option("--channel", metavar="NAME|module:Class", help="Channel law [rician].")
@click.option(
    "--max-transmissions",
    type=INTEGER,
    metavar="G",
    help="G_max, for lines that do not fix it [4].",
)
@click.option(
    "--budget",
    metavar="slots|uses",
    help="Limit every line to G_max slots, or to G_max B channel uses [slots].",
)
@click.option(
    "--gallery",
    metavar="received|clean",
    help="Gallery images cross the link, or the server stores them [received].",
)
@click.option("--images", type=INTEGER, metavar="N", help="About N images: those of some vehicles.")
@click.option("--seed", type=INTEGER, metavar="S", help="First seed of fading and noise [0].")
@click.option("--seeds", type=INTEGER, metavar="N", help="Number of seeds [1].")
@click.option("--weights", metavar="FILE|DIR", help="Trained weights [the package's].")
@click.option("--device", metavar="auto|cpu|cuda[:i]", help="Where networks run [auto].")
@click.option(
    "--out",
    type=PATH,
    default=Path("runs/figures"),
    show_default=True,
    metavar="DIR",
    help="Directory of the files.",
)
@click.option(
    "--size",
    metavar="WIDTHxHEIGHT",
    help="Size of a figure of curves in inches [that of its panels].",
)
@click.option(
    "--metric",
    default="mAP,rank1",
    show_default=True,
    metavar="NAME[,NAME]",
    help="Of frontier: accuracies of its figures and tables.",
)
@click.option(
    "--sweep",
    default="full",
    show_default=True,
    metavar="small|full|FILE",
    help="Of frontier: sweep file with the settings of all schemes.",
)
@click.option(
    "--scheme", metavar="NAME[,NAME]", help="Of frontier: only these schemes of the file."
)
@click.option(
    "--workers",
    type=WholeRange(min=1, max=4096),
    metavar="N",
    help="Of frontier: runs computed at once [one for each core, at most 8].",
)
@click.option("--list", "only_list", is_flag=True, help="List the names and titles, make nothing.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def figures(
    names: tuple[str, ...],
    paper: str | None,
    out: Path,
    size: str | None,
    only_list: bool,
    quiet: bool,
    metric: str,
    sweep: str,
    scheme: str | None,
    workers: int | None,
    **options: Any,
) -> None:
    """Make tables and figures of the papers, and the frontier.

    NAMES are those of --list, e.g. fig8 table1; without NAMES, all of the papers are made. Each figure is written
    as CSV, PNG and PDF, a table also as Markdown. Points that several figures share are simulated
    once, and finished points of an earlier call are reused. For another budget, G_max or gallery,
    the name of the files says so: fig8-uses.csv.

    The name `frontier` stands for accuracy against channel uses over all schemes and their settings.
    It runs a sweep file, which takes hours; after an interruption the same command goes on. With
    --scheme it is made in parts: the last call, without it, reads what is finished.
    """
    others = tuple(name for name in names if name != FRONTIER)
    if only_list:
        if others or not names:
            list_figures(others, paper)
        if (FRONTIER in names or not names) and paper is None:
            click.echo(f"{FRONTIER:12} accuracy against channel uses, all schemes and settings")
        return
    if others or not names:
        make_figures(others, paper, out, size, quiet, dict(options))
    if FRONTIER in names:
        from simulator.commands.frontier import frontier_from_options

        frontier_from_options(metric, sweep, scheme, workers, out / FRONTIER, quiet, options)


def list_figures(names: tuple[str, ...], paper: str | None) -> None:
    """Prints a name and a title for each figure."""
    from simulator.papers.run import choose

    for name, title in choose(names, paper).items():
        click.echo(f"{name:12} {title}")


def make_figures(
    names: tuple[str, ...],
    paper: str | None,
    out: Path,
    size: str | None,
    quiet: bool,
    options: dict[str, Any],
) -> None:
    """Runs what the figures need and writes their files."""
    import pandas as pd

    from simulator.commands.options import build_spec
    from simulator.commands.terminal import Bar
    from simulator.papers.network_figures import NETWORK_FIGURES
    from simulator.papers.run import choose, run_experiment
    from simulator.results.figures import parse_size
    from simulator.setup.prepare import prepare
    from simulator.spec import RunSpec
    from simulator.sweeps.engines import Engine
    from simulator.sweeps.sweep import run

    chosen = choose(names, paper)
    inches = None if size is None else parse_size(size)
    base = build_spec({k: v for k, v in options.items() if v is not None}, None)

    def curve_of(spec: RunSpec) -> pd.DataFrame:
        with Bar(quiet) as bar:
            return run(prepare(spec), bar, out / "cells", Engine("auto")).curve

    def announce(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    for name in chosen:
        announce(f"{name}: {chosen[name]}")
        if name in NETWORK_FIGURES:
            NETWORK_FIGURES[name].make(base, out)
        else:
            run_experiment(name, base, out, curve_of, announce, inches)
    click.echo(f"{out}/: " + " ".join(sorted(p.name for p in out.iterdir() if p.is_file())))
