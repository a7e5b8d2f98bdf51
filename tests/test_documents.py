"""The documents name what exists: files, anchors, scripts, commands and options."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from simulator.cli import main

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "benchmarks").rglob("*.md")),
]
#: Records of what was: they may name what is no longer there.
PAST = {"CHANGELOG.md"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?\n(.*?)^```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")  # may run over the end of a line
OUR_FILE = re.compile(r"^(?:phy|semantic|simulator|benchmarks|tests|docs)/[\w./-]+\.\w+$")

pytestmark = pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if path.name not in PAST],
    ids=lambda path: str(path.relative_to(ROOT)),
)


def code_lines(text: str) -> Iterator[str]:
    """Lines of fenced and of indented code, continued ones joined, and code inside sentences."""
    text = text.replace("\\\n", " ")
    for block in FENCE.findall(text):
        yield from block.splitlines()
    yield from re.findall(r"^ {4}.*$", FENCE.sub("", text), re.MULTILINE)
    yield from (code.replace("\n", " ") for code in INLINE.findall(FENCE.sub("", text)))


def commands(text: str, program: str) -> Iterator[list[str]]:
    """The words behind a program's name, for each of its commands in a document."""
    # At the beginning, perhaps behind variables of the environment.
    start = re.compile(rf"^\s*(?:\$ )?(?:\w+=\S+ )*{program}(?:\s+(.*))?$")
    for line in code_lines(text):
        for part in re.split(r"[;|]|\s#", line):
            if found := start.match(part):
                yield shlex.split(found[1] or "")


def options(words: list[str]) -> set[str]:
    """The long options among the words of a command."""
    return {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}


def anchors(path: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text()), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(FENCE.sub("", document.read_text())):
        target, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", target):
            continue  # the web
        path = (document.parent / target).resolve() if target else document
        assert path.exists(), link
        if anchor and path.suffix == ".md":
            assert anchor in anchors(path), link


def test_files_that_are_named_exist(document: Path) -> None:
    for code in INLINE.findall(FENCE.sub("", document.read_text())):
        if OUR_FILE.match(code):
            assert (ROOT / code).exists(), code


def test_scripts_exist_and_have_the_options(document: Path) -> None:
    for words in commands(document.read_text(), "python"):
        if not words or not words[0].endswith(".py"):
            continue
        script = next(
            (p / words[0] for p in (ROOT, document.parent) if (p / words[0]).exists()), None
        )
        assert script is not None, words[0]
        text = script.read_text()
        assert not {option for option in options(words) if f'"{option}"' not in text}, words


def test_commands_have_the_options(document: Path) -> None:
    for words in commands(document.read_text(), "simulate"):
        command: click.Command = main
        while isinstance(command, click.Group) and words and words[0] in command.commands:
            command, words = command.commands[words[0]], words[1:]
        known = {name for parameter in command.params for name in parameter.opts}
        assert options(words) <= known | {"--help"}, (command.name, words)
