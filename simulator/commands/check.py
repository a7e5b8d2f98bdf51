"""`simulate check`: a conformance check of a channel, scheme, data set, codec or encoder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from simulator.commands.options import key_values, scheme_arguments
from simulator.renamed import warn_renamed

if TYPE_CHECKING:
    from rich.table import Table

    from simulator.checks.report import Report

MARKS = {True: "ok", False: "FAILS", None: "not checked"}


@click.command("check")
@click.argument("name", metavar="NAME|module:attribute")
@click.option(
    "--kind",
    type=click.Choice(["channel", "scheme", "data", "codec", "encoder"]),
    help="Kind of the part [recognized].",
)
@click.option("--channel-arg", multiple=True, metavar="NAME=VALUE", help="Argument of the channel.")
@click.option("--scheme-arg", multiple=True, metavar="NAME=VALUE", help="Argument of the scheme.")
@click.option("--arg", "old_arg", multiple=True, metavar="NAME=VALUE", hidden=True)
@click.option(
    "--data", default="synthetic", show_default=True, help="Images for the check of a scheme."
)
@click.option(
    "--budget",
    default="slots",
    show_default=True,
    metavar="slots|uses",
    help="Budget for the check of a scheme.",
)
@click.option(
    "--weights", metavar="FILE|DIR", help="Weights for the check of a scheme [the package's]."
)
def check(
    name: str,
    kind: str | None,
    data: str,
    budget: str,
    weights: str | None,
    **arguments: tuple[str, ...],
) -> None:
    """Check a channel, scheme, data set, codec or encoder.

    The checks show whether the part keeps its contract. NAME is a name of `simulate list`, or the
    import string of a part of your own; for an encoder, it is the value of --backbone. The exit
    code is 1 if a check fails, and 2 if the part cannot be found.
    """
    from simulator.checks.dispatch import check as run_checks
    from simulator.checks.dispatch import recognize

    kind = recognize(name) if kind is None else kind
    given = dict(_given(name, kind, arguments))
    show(run_checks(name, kind, given, data, weights, budget))


def _given(
    name: str, kind: str, options: dict[str, tuple[str, ...]]
) -> tuple[tuple[str, Any], ...]:
    """Returns the arguments of the part, from the option of its kind or by its old name."""
    own = f"--{kind}-arg"
    pairs: list[str] = []
    for option, values in (
        ("--channel-arg", options["channel_arg"]),
        ("--scheme-arg", options["scheme_arg"]),
        ("--arg", options["old_arg"]),
    ):
        if not values:
            continue
        if kind not in ("channel", "scheme"):
            what = "data set" if kind == "data" else kind
            raise ValueError(f"{what} {name!r} takes no argument {values[0].partition('=')[0]!r}")
        if option == "--arg":
            warn_renamed(f"option of the check of a {kind}", option)
        elif option != own:
            raise ValueError(f"{option} is for a {option[2:-4]}, {name} is a {kind}: give {own}")
        pairs += values
    return (
        scheme_arguments((name,), tuple(pairs))
        if kind == "scheme"
        else key_values(own, tuple(pairs))
    )


def show(report: Report) -> None:
    """Prints a report, and exits with 1 if a check has failed."""
    from simulator.checks.report import SIGNIFICANCE
    from simulator.commands.terminal import terminal

    console = terminal(pipe_columns=140, markup=False)  # in a log, most rows are one line
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
