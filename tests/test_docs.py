"""The pages: every relative link leads somewhere, and the picture of the rooms is the table's."""

import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from test_architecture import ALLOWED, allowed

ROOT = Path(__file__).parents[1]
PAGES = [
    path
    for pattern in ("*.md", "docs/*.md", "benchmarks/**/*.md", "semantic/pretrained/*.md")
    for path in sorted(ROOT.glob(pattern))
]
#: Pages that a program writes, with long lines of names.
WRITTEN_BY_PROGRAMS = ("docs/arguments.md", "benchmarks/cross_check/results.md")
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


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_prose_wraps_at_100_columns(page: Path) -> None:
    lines = re.findall(r"^(?!\s*\||    ).{101,}$", prose(page), flags=re.MULTILINE)
    name = page.relative_to(ROOT).as_posix()
    assert name in WRITTEN_BY_PROGRAMS or [ln for ln in lines if "](" not in ln] == []


def test_the_readme_has_the_numbers_of_its_files() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| .* \| ([\d.]+) \| ([\d ]+) \| ([\w/]+) \|$",
        (ROOT / "README.md").read_text("utf-8"),
        flags=re.MULTILINE,
    )
    assert len(rows) > 20
    for scheme, mean_ap, uses, file in rows:
        if file.startswith("paired/"):
            path, wanted = ROOT / f"benchmarks/results/{file}.csv", [mean_ap]
        else:
            papers = ROOT / f"benchmarks/results/papers/{file}.csv"
            path = papers if papers.exists() else ROOT / f"docs/results/{file}.csv"
            wanted = [mean_ap, uses.replace(" ", "")]
        assert measured(pd.read_csv(path), scheme)[: len(wanted)] == wanted, scheme


def measured(table: pd.DataFrame, scheme: str) -> list[str]:
    """mAP and channel uses of a scheme at -2 dB, as the README writes them; mAP alone of pairs."""
    table = table[table["snr_db"] == -2]
    if "scheme_a" in table:
        pairs = table[table["metric"] == "mAP"]
        return [
            f"{pairs['b' if end == 'scheme_b' else 'a'][pairs[end] == scheme].iloc[0]:.1f}"
            for end in ("scheme_a", "scheme_b")
            if (pairs[end] == scheme).any()
        ][:1]
    rows = table[table["scheme"] == scheme]
    if "metric" in rows:
        values = rows.set_index("metric")["value"]
        return [f"{values['mAP']:.1f}", f"{values['channel_uses']:.0f}"]
    return [f"{rows['mAP'].iloc[0]:.1f}", f"{rows['channel_uses'].iloc[0]:.0f}"]


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
