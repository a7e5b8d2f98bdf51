"""`simulate list`: the names that the command line knows."""

from __future__ import annotations

from collections.abc import Iterator

import click

from semantic.link.reading import OPTIONS
from semantic.plugins import installed
from simulator import columns
from simulator.arguments import declarations
from simulator.catalog import CHANNELS, CODECS, DATA, IMPAIRMENTS, SCHEMES

#: Head of docs/arguments.md.
MARKDOWN_HEAD = """\
# Arguments of the built-in schemes

This page is for readers who set an argument of a built-in scheme. It lists the arguments of every
scheme, with their allowed values and their meaning. In brackets behind a scheme are its defaults.

`--scheme-arg NAME=VALUE` sets an argument for those schemes of a run that take it; in Python and in
run.json, `scheme_args` does. `simulate list --markdown` writes this page from the declarations in
`simulator/scheme_arguments.py`, which also check every value.
"""


@click.command("list")
@click.argument("what", required=False, type=click.Choice(["readings"]))
@click.option("--markdown", is_flag=True, help="Print the arguments of all schemes as Markdown.")
@click.option("--columns", "columns_page", is_flag=True, help="Print all columns as Markdown.")
def list_names(what: str | None, markdown: bool, columns_page: bool) -> None:
    """List schemes, channels, codecs and data.

    The list has all names that options of `simulate` take, and their arguments. `simulate list
    readings` lists the options of `simulate train --reading KEY=VALUE`.
    """
    if what == "readings":
        click.echo("\n".join(_readings()))
        return
    if columns_page:
        click.echo("\n".join(columns.markdown()))
        return
    if markdown:
        click.echo("\n".join(_markdown()))
        return
    for title, entries in (
        ("schemes", {name: entry.line for name, entry in SCHEMES.items()}),
        ("arguments of schemes", _scheme_arguments()),
        ("channels", {name: entry.line for name, entry in CHANNELS.items()}),
        ("impairments", IMPAIRMENTS),
        ("codecs", {name: entry.line for name, entry in CODECS.items()}),
        ("data sets", DATA),
    ):
        click.echo(f"{title}:")
        for name, summary in entries.items():
            click.echo(f"  {name:22} {summary}")
        kinds = ("schemes", "channels", "codecs", "data sets")
        theirs = installed(title.removesuffix("s")) if title in kinds else {}
        for name, target in theirs.items():
            click.echo(f"  {name:22} {target}, installed")


def _readings() -> Iterator[str]:
    """Lines about the options of a reading: name, values with the default first, place in the papers."""
    for option in OPTIONS.values():
        yield f"{option.name}={'|'.join(option.values)} [{option.values[0]}]"
        yield f"  {option.help}"
        yield f"  {option.source}"


def _scheme_arguments() -> dict[str, str]:
    """One line for each argument of any built-in scheme."""
    return {
        name: f"{argument.help} [{argument.expected}]"
        for entry in SCHEMES.values()
        for name, argument in entry.declared.items()
    }


def _markdown() -> Iterator[str]:
    """Lines of docs/arguments.md: a table for each family of schemes that share declarations."""
    yield MARKDOWN_HEAD
    for family in dict.fromkeys(type(entry.defaults) for entry in SCHEMES.values()):
        schemes = {n: entry for n, entry in SCHEMES.items() if type(entry.defaults) is family}
        taken = {argument for entry in schemes.values() for argument in entry.declared}
        yield f"## {', '.join(schemes)}\n"
        yield "\n".join(f"- `{name}`: {entry.line}" for name, entry in schemes.items()) + "\n"
        if taken:
            yield "| argument | allowed | meaning |\n|---|---|---|"
        for name, argument in declarations(family).items():
            if name in taken:
                yield f"| `{name}` | {argument.expected} | {argument.help} |"
        if taken:
            yield ""
