"""`simulate check`: whether a channel, scheme, data set or codec keeps its contract, in words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from simulator.commands.options import key_values

if TYPE_CHECKING:
    from rich.table import Table

    from simulator.checks.report import Report

MARKS = {True: "ok", False: "FAILS", None: "not checked"}


@click.command("check")
@click.argument("name", metavar="NAME|module:attribute")
@click.option(
    "--kind", type=click.Choice(["channel", "scheme", "data", "codec"]), help="What it is."
)
@click.option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the channel or scheme.",
)
@click.option("--data", default="synthetic", show_default=True, help="Images to try a scheme with.")
@click.option("--weights", metavar="FILE|DIR", help="Weights to try a scheme with.")
def check(
    name: str, kind: str | None, arguments: tuple[str, ...], data: str, weights: str | None
) -> None:
    """Say whether a channel, scheme, data set or codec, built in or your own, keeps its contract.

    Exit code 1 when something fails, 2 for a name that cannot be found.
    """
    from simulator.checks.dispatch import check as run_checks

    show(run_checks(name, kind, dict(key_values("--arg", arguments)), data, weights))


def show(report: Report) -> None:
    """Prints a report; exit code 1 when something fails."""
    from rich.console import Console

    from simulator.checks.report import SIGNIFICANCE

    # A pipe has no width: as wide as the table needs, so that a log can be read.
    console = Console(width=None if sys.stdout.isatty() else 140, markup=False, highlight=False)
    console.print(table(report))
    print(report.summary)
    if report.kind == "channel":
        print(f"Each statistical check fails a good channel with probability {SIGNIFICANCE:g}.")
    if not report.ok:
        sys.exit(1)


def table(report: Report) -> Table:
    """A line for each thing that was looked at."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    view = Table(box=SIMPLE_HEAD, title=f"{report.kind} {report.subject}")
    for heading in ("", "what", "expected", "found"):
        view.add_column(heading, overflow="fold")
    for finding in report.findings:
        view.add_row(MARKS[finding.ok], finding.what, finding.expected, finding.found)
    return view
