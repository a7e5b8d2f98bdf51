"""Writes the tables of a frontier into docs/frontier.md, and copies its files beside the page.

    simulate figures frontier --data data/large --weights weights --out runs
    python benchmarks/frontier_page.py --run runs/frontier

The tables stand between the two marks of the page; the text around them stays.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from simulator.files import write_whole
from simulator.frontier.points import PRICES

#: Marks in the page.
BEGIN, END = "<!-- tables -->", "<!-- end of tables -->"
#: Suffixes of the files that the page refers to.
SUFFIXES = (".csv", ".png")
DOCS = Path(__file__).parents[1] / "docs"


def with_tables(page: str, tables: str) -> str:
    """Returns the page with other tables between the marks.

    Raises:
        ValueError: If the page lacks a mark.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables.strip()}\n\n{END}{after}"


def one_level_down(text: str) -> str:
    """Returns Markdown whose headings are one level lower.

    >>> one_level_down("# a")
    '## a'
    """
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in text.splitlines())


@click.command(help=__doc__)
@click.option("--run", "run", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--page", type=click.Path(path_type=Path), default=DOCS / "frontier.md")
@click.option("--files", type=click.Path(path_type=Path), default=DOCS / "results" / "frontier")
def main(run: Path, page: Path, files: Path) -> None:
    """Updates the page and the files."""
    parts = [(run / f"frontier-{price}.md").read_text("utf-8") for price in PRICES]
    text = with_tables(page.read_text("utf-8"), one_level_down("\n".join(parts)))
    files.mkdir(parents=True, exist_ok=True)
    for file in sorted(run.iterdir()):
        if file.suffix in SUFFIXES:
            shutil.copy(file, files / file.name)
    write_whole(page, lambda path: path.write_text(text, encoding="utf-8"))
    click.echo(f"{page}, {files}/")


if __name__ == "__main__":
    main()
