"""Pages of the site that are made when it is built, and links that fit it; a hook of MkDocs.

- reference/: the command line from click, names from the catalog, the API from docstrings.
- notebooks/: the notebooks, which run when the site is built, with their outputs.
- project/: pages that lie outside docs/, such as CONTRIBUTING.md.

The pages of docs/ are written for a hosted git repository. A link that leads to a page of the site
is adapted; one that leads to a file or folder beside the site becomes the name of that file.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

ROOT = Path(__file__).parents[1]
sys.path.append(str(Path(__file__).parent))  # a hook is imported without its folder
import run_notebook  # noqa: E402

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

#: Pages outside docs/: their file in the repository -> their file on the site.
OUTSIDE = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "semantic/pretrained/README.md": "project/model-card.md",
    "benchmarks/results/paired/README.md": "project/paired.md",
    "benchmarks/cross_check/README.md": "project/cross-check.md",
    "benchmarks/cross_check/results.md": "project/cross-check-results.md",
}
#: Modules without an interface.
NO_INTERFACE = ("__init__", "__main__", "old_paths", "cli")
#: Folders without one: the command line has a page of its own, the renderer has only a command.
NO_REFERENCE = ("simulator/commands", "semantic/data/synthetic")
FENCE = re.compile(r"(^ *```.*?^ *```)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def generated(outputs: bool = False) -> dict[str, str]:
    """Returns the text of every page that is made, by its file on the site.

    Args:
        outputs: Whether to run the notebooks, which takes a minute, and to show their outputs.
    """
    pages = {site: (ROOT / path).read_text("utf-8") for path, site in OUTSIDE.items()}
    pages["reference/command-line.md"] = "\n".join(command_line())
    pages["reference/names.md"] = "\n".join(names())
    for path in NOTEBOOKS:
        pages[f"notebooks/{path.stem}.md"] = notebook(path, outputs)
    for name, folders in reference().items():
        pages[f"reference/{name}.md"] = "\n".join(api(name, folders))
    return pages


def notebook(path: Path, outputs: bool) -> str:
    """Returns the page of a notebook.

    Args:
        path: The notebook.
        outputs: Whether to run it in an empty folder, and to show the outputs of its cells.
    """
    if not outputs:
        return run_notebook.markdown(run_notebook.cells(path), path.name)
    with TemporaryDirectory() as folder:
        return run_notebook.markdown(run_notebook.run_notebook(path, Path(folder)), path.name)


def reference() -> dict[str, list[Path]]:
    """Returns the folders that each page of the API documents, by its name."""
    pages = {name: [ROOT / name, *below(ROOT / name)] for name in ("phy", "semantic")}
    return pages | {"simulator": [ROOT / "simulator"], "simulator-rooms": below(ROOT / "simulator")}


def below(package: Path) -> list[Path]:
    """Returns the folders of a package that have an interface."""
    found = sorted({file.parent for file in package.rglob("*.py")} - {package})
    return [folder for folder in found if folder.relative_to(ROOT).as_posix() not in NO_REFERENCE]


def command_line() -> Iterator[str]:
    """Yields the page of the command line: all commands with their options, from click."""
    from simulator.cli import main

    yield "# Command line\n\nThis page is made from the help of the commands (`simulate --help`).\n"
    for words, command in commands("simulate", main):
        # A command keeps its option --help as the first context names it: -h belongs to it.
        context = click.Context(command, info_name=words, **main.context_settings)
        yield f"## {words}\n\n{paragraphs(command.help or '')}\n"
        yield f"    {words} {' '.join(command.collect_usage_pieces(context))}\n"
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                record = parameter.get_help_record(context)
                assert record is not None
                yield f"`{record[0]}`\n:   {record[1]}\n"
        if command.epilog:
            yield paragraphs(command.epilog) + "\n"


def commands(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Yields a command and its subcommands, each with the words that call it."""
    yield words, command
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from commands(f"{words} {name}", command.commands[name])


def paragraphs(text: str) -> str:
    """Returns a help text as Markdown; click's mark \\b stands before lines that stay as they are."""
    found = cleandoc(text).split("\n\n")
    return "\n\n".join(
        f"```\n{each[2:]}\n```" if each.startswith("\b\n") else each.replace("<", "&lt;")
        for each in found
    )


def names() -> Iterator[str]:
    """Yields the page of the names that options take, from the catalog."""
    from semantic.link.reading import OPTIONS
    from simulator.catalog import CHANNELS, CODECS, DATA, IMPAIRMENTS, SCHEMES
    from simulator.papers.run import choose

    readings = {
        option.name: f"{option.help}; values: {', '.join(f'`{v}`' for v in option.values)}"
        for option in OPTIONS.values()
    }

    yield "# Names\n\nThese are the names that options of `simulate` take (`simulate list`).\n"
    kinds: dict[str, tuple[str, Mapping[str, Any]]] = {
        "Schemes": ("--scheme", SCHEMES),
        "Channels": ("--channel", CHANNELS),
        "Impairments": ("--impair NAME=VALUE", IMPAIRMENTS),
        "Source codecs": ("--scheme-arg codec=NAME", CODECS),
        "Data sets": ("--data", DATA),
        "Figures and tables of the papers": ("simulate figures NAME", choose((), None)),
        "Readings of the papers": ("simulate train --reading NAME=VALUE", readings),
    }
    for title, (option, entries) in kinds.items():
        yield f"## {title}\n\n`{option}`\n\n| name | meaning |\n|---|---|"
        for name, entry in entries.items():
            text = entry if isinstance(entry, str) else entry.summary
            arguments = getattr(entry, "arguments", "")
            yield f"| `{name}` | {text}{f'; arguments: `{arguments}`' if arguments else ''} |"
        yield ""


def api(name: str, folders: list[Path]) -> Iterator[str]:
    """Yields a page of the API: a line for each module, which mkdocstrings replaces."""
    yield f"# {name}\n"
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            if path.stem not in NO_INTERFACE:
                yield f"::: {'.'.join(path.relative_to(ROOT).with_suffix('').parts)}\n"


def adapted(markdown: str, source: str, site: str) -> str:
    """Adapts the links of a page.

    Args:
        markdown: Its text.
        source: Its file in the repository.
        site: Its file on the site.
    """

    def link(found: re.Match[str]) -> str:
        image, text, target = found.groups()
        file, hash_, anchor = target.partition("#")
        if "://" in target or not file:
            return found[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), file))
        page = OUTSIDE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else "")
        if not page or (ROOT / path).is_dir():
            return text if f"`{path}`" in text else f"{text} (`{path}`)"
        if text == posixpath.basename(file) and path.endswith(".md"):
            text = title(path)
        return f"{image}[{text}]({os.path.relpath(page, posixpath.dirname(site) or '.')}{hash_}{anchor})"

    parts = FENCE.split(markdown)
    return "".join(part if k % 2 else LINK.sub(link, part) for k, part in enumerate(parts))


def title(path: str) -> str:
    """Returns the title of a page for links that show the name of its file.

    >>> title("docs/glossary.md")
    'Glossary'
    """
    found = re.search(r"^# (.*)$", (ROOT / path).read_text("utf-8"), re.MULTILINE)
    return found[1] if found else posixpath.basename(path)


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages that are made; MkDocs calls it."""
    from mkdocs.structure.files import File

    for site, text in generated(outputs=True).items():
        files.append(File.generated(config, site, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Adapts the links of a page; MkDocs calls it."""
    site = page.file.src_uri
    source = {made: path for path, made in OUTSIDE.items()}.get(site, f"docs/{site}")
    return adapted(markdown, source, site)
