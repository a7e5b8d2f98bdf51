"""`simulate figures frontier`: accuracy against the price in channel uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from simulator.commands.options import build_spec
from simulator.commands.terminal import Bar
from simulator.frontier.jobs import FrontierRun, Outcome, run_all
from simulator.frontier.run import Wanted, make_frontier, sweep_file
from simulator.spec import RunSpec
from simulator.sweeps.limits import check_load
from simulator.trust import refuse_untrusted


def frontier_from_options(
    metric: str,
    sweep: str,
    scheme: str | None,
    workers: int | None,
    out: Path,
    quiet: bool,
    options: dict[str, Any],
) -> None:
    """Makes the frontier.

    Args:
        metric: Accuracies, separated by commas.
        sweep: Name of a preset, or a sweep file.
        scheme: Schemes to which the runs are limited, separated by commas; None for all.
        workers: Runs at once; None for one for each core, at most 8.
        out: Directory of the results.
        quiet: Whether to print no progress.
        options: Options that take precedence over the sweep file, None where not given.

    Raises:
        ValueError: One line for the user.
    """
    file, given = sweep_file(sweep), {k: v for k, v in options.items() if v is not None}

    def complete(base: RunSpec) -> RunSpec:
        spec = build_spec(dict(given), base)
        refuse_untrusted(spec, set(), file)
        check_load(spec)
        return spec

    def announce(line: str) -> None:
        if not quiet:
            click.echo(line, err=True)

    wanted = Wanted(file, out, _listed(metric), _listed(scheme or ""), complete)

    def run_jobs(jobs: Sequence[FrontierRun]) -> Iterator[Outcome]:
        with Bar(quiet) as bar:
            yield from run_all(jobs, workers, bar)

    _, names = make_frontier(wanted, run_jobs, announce)
    click.echo(f"{out}/: " + " ".join(sorted(names)))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
