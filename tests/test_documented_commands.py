"""The commands that the pages show: their scripts exist, and so do their subcommands and options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from test_docs import NAMES, PAGES, ROOT

from simulator.cli import main

#: Records of what was: they may name options that are no longer there.
PAST = {"CHANGELOG.md"}
FENCE = re.compile(r"^ *```.*?\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")  # may run over the end of a line

pytestmark = pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.name not in PAST],
    ids=[name for name in NAMES if name not in PAST],
)


def code_lines(text: str) -> Iterator[str]:
    """Lines of fenced and of indented code, continued ones joined, and code inside sentences."""
    text = text.replace("\\\n", " ")
    for block in FENCE.findall(text):
        yield from block.splitlines()
    text = FENCE.sub("", text)
    yield from re.findall(r"^ {4}.*$", text, re.MULTILINE)
    yield from (code.replace("\n", " ") for code in INLINE.findall(text))


def commands(text: str, program: str) -> Iterator[list[str]]:
    """The words behind a program's name, for each of its commands in a text.

    >>> list(commands("`OMP_NUM_THREADS=1 python a.py --n 3 # why`, then `simulate list`", "python"))
    [['a.py', '--n', '3']]
    """
    start = re.compile(rf"^\s*(?:\$ )?(?:\w+=\S+ )*{program}(?:\s+(.*))?$")
    for line in code_lines(text):
        for part in re.split(r"[;|]|\s#", line):
            if found := start.match(part):
                yield shlex.split(found[1] or "")


def options(words: list[str]) -> set[str]:
    """The long options among the words of a command."""
    return {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}


def test_scripts_exist_and_have_the_options(page: Path) -> None:
    for words in commands(page.read_text("utf-8"), "python"):
        if not words or not words[0].endswith(".py"):
            continue
        places = [folder / words[0] for folder in (ROOT, page.parent)]
        script = next((place for place in places if place.exists()), None)
        assert script is not None, words
        text = script.read_text("utf-8")
        assert not {option for option in options(words) if f'"{option}"' not in text}, words


def test_simulate_has_the_commands_and_options(page: Path) -> None:
    for words in commands(page.read_text("utf-8"), "simulate"):
        command: click.Command = main
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        known = {name for parameter in command.params for name in parameter.opts}
        assert options(words) <= known | {"--help"}, (command.name, words)
