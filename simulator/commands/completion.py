"""`simulate completion`, and the names that a shell completes in the options of a run."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem, get_completion_class

from semantic.plugins import installed
from simulator.catalog import CHANNELS, CODECS, IMPAIRMENTS, SCHEMES

#: The variable in which the shell's script asks `simulate` for completions.
VARIABLE = "_SIMULATE_COMPLETE"


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


class Text(click.types.StringParamType):
    """A text of the command line; what a shell offers for it follows from its name and metavar."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Returns names, the words of the metavar, and files where it has FILE, DIR or DATA."""
        metavar = param.metavar or ""
        before, comma, last = incomplete.rpartition(",") if "," in metavar else ("", "", incomplete)
        words = [word for word in re.split(r"[|,]", metavar) if re.fullmatch(r"[a-z0-9-]+", word)]
        if metavar != "LABEL":
            words += _names(str(param.name))
        found = [before + comma + word for word in words if word.startswith(last)]
        files = FILES.search(metavar) is not None
        # Files come first: the script of bash forgets what was before them.
        offered = [CompletionItem(incomplete, type="file")] if files else []
        return offered + [CompletionItem(word) for word in dict.fromkeys(found)]


TEXT = Text()
#: What stands for a path in a metavar.
FILES = re.compile(r"\b(FILE|DIR|DATA)\b")


def complete_texts(command: click.Command) -> None:
    """Lets a shell complete the texts among the parameters of a command and of those below it."""
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = TEXT
    if isinstance(command, click.Group):
        for below in command.commands.values():
            complete_texts(below)


def _names(parameter: str) -> Iterable[str]:
    """Returns the names that a parameter takes; what is slow to import is imported when asked for."""
    if parameter in ("scheme", "channel"):
        built_in = SCHEMES if parameter == "scheme" else CHANNELS
        return [*built_in, *installed(parameter)]
    if parameter == "name":
        return [*SCHEMES, *CHANNELS, *CODECS]
    if parameter == "impairments":
        return [f"{name}=" for name in IMPAIRMENTS]
    if parameter == "metric":
        from simulator.columns import METRICS

        return [column.name for column in METRICS]
    if parameter in ("names", "published"):
        from simulator.papers.experiments import EXPERIMENTS

        return [name for name, e in EXPERIMENTS.items() if e.published or parameter == "names"]
    if parameter == "reading":
        from semantic.link.reading import OPTIONS

        return [f"{name}=" for name in OPTIONS]
    return []
