"""`simulate completion`, and the names that a shell completes in the options of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem, get_completion_class

from semantic.plugins import installed
from simulator.catalog import CHANNELS, IMPAIRMENTS, SCHEMES

#: The variable in which the shell's script asks `simulate` for completions.
VARIABLE = "_SIMULATE_COMPLETE"

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes commands, options and names.

    \b
    bash, in ~/.bashrc:  eval "$(simulate completion bash)"
    zsh, in ~/.zshrc:    eval "$(simulate completion zsh)"
    fish:                simulate completion fish > ~/.config/fish/completions/simulate.fish
    """
    root = click.get_current_context().find_root()
    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(root.command, {}, "simulate", VARIABLE)
    click.echo(script.source_template % script.source_vars())


def schemes(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Completes the last one of several names: semharq,per -> semharq,perfect."""
    before, comma, last = incomplete.rpartition(",")
    return _items([*SCHEMES, *installed("scheme")], last, before + comma)


def channels(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Completes the name of a channel."""
    return _items([*CHANNELS, *installed("channel")], incomplete)


def impairments(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Completes the name of an impairment; its value follows."""
    return _items([f"{name}=" for name in IMPAIRMENTS], incomplete)


def choices(names: str) -> Complete:
    """Returns a function that completes one of the names "a|b|c"."""

    def complete(
        context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return _items(names.split("|"), incomplete)

    return complete


def _items(names: Iterable[str], start: str, before: str = "") -> list[CompletionItem]:
    return [CompletionItem(before + name) for name in names if name.startswith(start)]
