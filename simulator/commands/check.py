"""`simulate check`: a conformance check of a channel, scheme, data set or codec."""

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
    "--kind",
    type=click.Choice(["channel", "scheme", "data", "codec"]),
    help="Kind of the part [recognized].",
)
@click.option(
    "--arg",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Argument of the channel or scheme.",
)
@click.option(
    "--data", default="synthetic", show_default=True, help="Images for the check of a scheme."
)
@click.option(
    "--weights", metavar="FILE|DIR", help="Weights for the check of a scheme [the package's]."
)
def check(
    name: str, kind: str | None, arguments: tuple[str, ...], data: str, weights: str | None
) -> None:
    """Check a channel, scheme, data set or codec.

    The checks show whether the part keeps its contract. NAME is a name of `simulate list`, or the
    import string of a part of your own. The exit code is 1 if a check fails, and 2 if the part
    cannot be found.
    """
    from simulator.checks.dispatch import check as run_checks

    show(run_checks(name, kind, dict(key_values("--arg", arguments)), data, weights))


def show(report: Report) -> None:
    """Prints a report, and exits with 1 if a check has failed."""
    from rich.console import Console

    from simulator.checks.report import SIGNIFICANCE

    # A pipe has no width. The table gets the width that it needs, so that a log is readable.
    console = Console(width=None if sys.stdout.isatty() else 140, markup=False, highlight=False)
    console.print(table(report))
    print(report.summary)
    if report.kind == "channel":
        print(
            f"Each statistical check fails for a correct channel with probability {SIGNIFICANCE:g}."
        )
    if not report.ok:
        sys.exit(1)


def table(report: Report) -> Table:
    """Returns a table with one row per check."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    view = Table(box=SIMPLE_HEAD, title=f"{report.kind} {report.subject}")
    for heading in ("", "check", "expected", "found"):
        view.add_column(heading, overflow="fold")
    for finding in report.findings:
        view.add_row(MARKS[finding.ok], finding.what, finding.expected, finding.found)
    return view
