"""The options of `simulate train --plan`: a queue of trainings from a file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from simulator.commands.number_types import INTEGER
from simulator.commands.paths import PATH

Command = TypeVar("Command", bound=Callable[..., Any])

#: Options that a plan takes; all others are keys of the plan.
WITH_A_PLAN = ("preset", "data_spec", "out", "encoder", "device", "quiet")
#: Options of plans alone.
PLAN_OPTIONS = ("plan", "only", "engine", "workers", "scheduler")

_OPTIONS = (
    click.option(
        "--plan",
        type=PATH,
        metavar="PLAN.toml",
        help="Train all readings x schemes x seeds of a file behind --encoder; see docs/atlas.md.",
    ),
    click.option(
        "--only", multiple=True, metavar="READING", help="Readings of the plan that are trained."
    ),
    click.option(
        "--engine",
        metavar="auto|inline|local|dask",
        help="Where the trainings of a plan are computed [auto: local with several cores].",
    ),
    click.option(
        "--workers",
        type=INTEGER,
        metavar="N",
        help="Trainings of a plan at once, of one thread each.",
    ),
    click.option("--scheduler", metavar="ADDRESS", help="Scheduler of --engine dask."),
)


def plan_options(command: Command) -> Command:
    """Adds the options of plans."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def train_from_plan(options: dict[str, Any], quiet: bool) -> bool:
    """Removes the options of plans, and trains the plan if one is given; returns whether it was.

    Raises:
        ValueError: For options that do not go together.
    """
    own = {name: options.pop(name) for name in PLAN_OPTIONS}
    if own["plan"] is None:
        for name, value in own.items():
            if value not in (None, ()):
                raise ValueError(f"--{name} needs --plan")
        return False
    refuse_keys_of_plans()
    if options["encoder"] is None:
        raise ValueError("--plan trains links behind one encoder: give --encoder")
    from simulator.sweeps.engines import Engine
    from simulator.training.plan_command import train_plan

    name = own["engine"] or ("auto" if own["scheduler"] is None else "dask")
    failed = train_plan(
        own["plan"],
        options["preset"],
        options["data_spec"],
        options["encoder"],
        options["out"],
        Engine(name, own["workers"], own["scheduler"]),
        options["device"],
        (lambda line: None) if quiet else partial(print, flush=True),
        own["only"],
    )
    table = options["out"] / "trainings.csv"
    if failed:
        click.echo(f"simulate: {failed} trainings have failed, see {table}", err=True)
        sys.exit(1)
    if not quiet:
        click.echo(f"{table}: all trainings of {', '.join(own['only']) or 'the plan'}")
    return True


def refuse_keys_of_plans() -> None:
    """Refuses options of single trainings, which are keys of the plan.

    Raises:
        ValueError: For the first such option on the command line.
    """
    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        given = context.get_parameter_source(name) == ParameterSource.COMMANDLINE
        if given and name not in (*WITH_A_PLAN, *PLAN_OPTIONS):
            raise ValueError(f"{parameter.opts[0]} is for one training: the plan says it")
