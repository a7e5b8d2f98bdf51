"""`simulate report`: a run or a sweep as one HTML file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from simulator.commands.number_types import NUMBER
from simulator.commands.paths import PATH


@click.command("report")
@click.argument("directory", metavar="DIR", type=PATH)
@click.option(
    "--out",
    type=PATH,
    metavar="FILE",
    help="The HTML file [DIR/report.html].",
)
@click.option("--scheme", metavar="NAME", help="Scheme of the shown queries [the first].")
@click.option("--snr", type=NUMBER, metavar="DB", help="SNR of the shown queries [the lowest].")
@click.option(
    "--replay/--no-replay",
    default=True,
    help="Repeat some transmissions, for counts of features and for retrieved images [--replay].",
)
@click.option("--trust", is_flag=True, help="Execute the parts module:name that run.json names.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def report(
    directory: Path,
    out: Path | None,
    scheme: str | None,
    snr: float | None,
    replay: bool,
    trust: bool,
    quiet: bool,
) -> None:
    """Write a report of a run: one HTML file that needs no network.

    It shows curves, HARQ, queries, confusions, costs and the specification. If DIR holds several
    runs, as a sweep makes them, each run gets its report.html, and DIR one that links them.
    """
    from simulator.commands.terminal import Bar
    from simulator.report.write import Options, write_report

    notes: list[str] = []
    with ExitStack() as stack:
        bars: list[Bar] = []

        def progress(what: str, done: int, total: int) -> None:
            if not bars:  # only where there is work: a bar without tasks is an empty line
                bars.append(stack.enter_context(Bar(quiet)))
            bars[0](what, done, total)

        options = Options(replay, scheme, snr, trust, progress, notes.append)
        path = write_report(directory, out, options)
    for line in notes:
        click.echo(line, err=True)
    click.echo(str(path))
