"""`simulate list`: the names that the command line knows."""

from __future__ import annotations

import click

from semantic.plugins import installed
from simulator.catalog import CHANNELS, CODECS, DATA, IMPAIRMENTS, SCHEMES


@click.command("list")
def list_names() -> None:
    """List schemes, channels, codecs and data.

    The list has all names that options of `simulate` take, and their arguments.
    """
    for title, entries in (
        ("schemes", {name: entry.line for name, entry in SCHEMES.items()}),
        ("channels", {name: entry.line for name, entry in CHANNELS.items()}),
        ("impairments", IMPAIRMENTS),
        ("codecs", {name: entry.line for name, entry in CODECS.items()}),
        ("data sets", DATA),
    ):
        click.echo(f"{title}:")
        for name, summary in entries.items():
            click.echo(f"  {name:22} {summary}")
        theirs = {} if entries is IMPAIRMENTS else installed(title.removesuffix("s"))
        for name, target in theirs.items():
            click.echo(f"  {name:22} {target}, installed")
