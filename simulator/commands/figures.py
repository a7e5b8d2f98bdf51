"""`simulate figures`: the papers' tables and figures on any data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command("figures")
@click.argument("names", nargs=-1)
@click.option(
    "--paper", type=click.Choice(["smsc-fir", "semharq"]), help="Those of one paper alone."
)
@click.option("--data", metavar="synthetic|DIR|veri:DIR", help="Test images [synthetic].")
@click.option("--snr", metavar="START:STOP:STEP", help="SNRs in dB [-6:8:2].")
@click.option("--channel", metavar="NAME|module:Class", help="Channel law [rician].")
@click.option("--max-transmissions", type=int, metavar="G", help="G_max where it is not fixed [4].")
@click.option(
    "--budget",
    metavar="slots|uses",
    help="Lines have G slots, or G B channel uses, in common [slots].",
)
@click.option("--gallery", metavar="received|clean", help="What queries are compared with.")
@click.option("--images", type=int, metavar="N", help="About N images.")
@click.option("--seed", type=int, metavar="S", help="First seed of fading and noise [0].")
@click.option("--seeds", type=int, metavar="N", help="Number of seeds [1].")
@click.option("--weights", metavar="FILE|DIR", help="Trained weights [the package's].")
@click.option("--device", metavar="auto|cpu|cuda[:i]", help="Where networks run [auto].")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs/figures"),
    show_default=True,
    metavar="DIR",
)
@click.option("--quiet", is_flag=True, help="No bar.")
def figures(
    names: tuple[str, ...], paper: str | None, out: Path, quiet: bool, **options: Any
) -> None:
    """Make the papers' tables and figures again: all of them, or NAMES (fig8 table1 ...).

    Each is a CSV, a PNG and a PDF, tables a Markdown file too. Points that several figures share
    are simulated once, and those that are there from an earlier call are taken up. With another
    budget, G or gallery the files have names of their own: fig8-uses.csv.
    """
    import pandas as pd

    from simulator.commands.options import build_spec
    from simulator.commands.terminal import Bar
    from simulator.papers.network_figures import NETWORK_FIGURES
    from simulator.papers.run import choose, run_experiment
    from simulator.setup.prepare import prepare
    from simulator.spec import RunSpec
    from simulator.sweeps.engines import Engine
    from simulator.sweeps.sweep import run

    chosen = choose(names, paper)
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
            run_experiment(name, base, out, curve_of, announce)
    click.echo(f"{out}/: " + " ".join(sorted(p.name for p in out.iterdir() if p.is_file())))
