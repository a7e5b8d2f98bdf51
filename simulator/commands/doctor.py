"""`simulate doctor`: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from simulator.checks.installation import Finding

#: Columns of the names.
WIDTH = 18


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def doctor(as_json: bool) -> None:
    """Check the installation.

    The command shows versions, devices, threads, caches with their sizes, weights, fonts and
    optional packages, and says how to get what is missing. "missing" marks something that not every
    run needs. The exit code is 1 if something that every run needs fails.
    """
    from simulator.checks.installation import findings

    found: list[Finding] = []
    for finding in findings():
        if not as_json:
            show(finding, new_topic=not found or found[-1].topic != finding.topic)
        found.append(finding)
    healthy = all(finding.state != "fails" for finding in found)
    if as_json:
        listed = [dataclasses.asdict(finding) for finding in found]
        click.echo(json.dumps({"ok": healthy, "findings": listed}, indent=2))
    if not healthy:
        sys.exit(1)


def show(finding: Finding, new_topic: bool) -> None:
    """Prints a finding, below the heading of its topic."""
    if new_topic:
        click.echo(f"{finding.topic}:")
    mark = "" if finding.state == "ok" else f"{finding.state}: "
    click.echo(f"  {finding.name:{WIDTH}} {mark}{finding.value}")
    if finding.hint:
        click.echo(f"  {'':{WIDTH}} -> {finding.hint}")
