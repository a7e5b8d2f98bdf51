"""The pages: every relative link leads somewhere, and the picture of the rooms is the table's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_architecture import ALLOWED, allowed

ROOT = Path(__file__).parents[1]
PAGES = [
    path
    for pattern in ("*.md", "docs/*.md", "benchmarks/**/*.md", "semantic/pretrained/*.md")
    for path in sorted(ROOT.glob(pattern))
]
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]


def prose(page: Path) -> str:
    """The text of a page without its fenced code."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors that a hosted git page makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in headings}


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """File and anchor of every relative link of a page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield (page.parent / path if path else page), anchor


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = [
        f"{path.name}#{anchor}"
        for path, anchor in links(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = re.findall(
        r"`((?:phy|semantic|simulator|tests|benchmarks|docs)/[\w/.]+\.py)`", prose(page)
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_index_has_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {path.resolve() for path, _ in links(index)}
    assert set((ROOT / "docs").glob("*.md")) - {index} <= linked


def test_the_glossary_is_in_order_and_has_every_term_once() -> None:
    rows = re.findall(r"^\| (.*?) \| .* \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    terms = [term.lower() for term in rows[1:]]
    assert terms == sorted(terms)
    assert len(terms) == len({*terms}) > 70


def test_the_picture_of_the_rooms_has_the_arrows_of_the_table() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    (picture,) = re.findall(r"```mermaid\ngraph TD\n(.*?)```", page, flags=re.DOTALL)
    room = dict(re.findall(r'(\w+)\["(.*?)"\]', picture))
    drawn = {
        (room.get(a, a), room.get(b, b))
        for a, b in re.findall(r"(\w+)(?:\[.*?\])? --> (\w+)", picture)
    }
    above = {name: allowed(name) for name in ALLOWED}
    shortest = {  # arrows that no longer way replaces
        (name, other)
        for name, others in above.items()
        for other in others
        if not any(other in above[between] for between in others)
    }
    assert drawn == shortest
    assert all(f"| `{name}` |" in page for name in ALLOWED if name != "simulator front")


def test_extend_shows_the_files_as_they_are() -> None:
    text = (ROOT / "docs" / "extend.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    parts = ("channel", "scheme", "harq", "partial", "learned_scheme", "encoder", "data", "codec")
    for part in parts:
        assert (ROOT / "docs" / "examples" / f"my_{part}.py").read_text() in blocks, part


def test_a_channel_takes_fifteen_lines() -> None:
    lines = (ROOT / "docs" / "examples" / "my_channel.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 15
