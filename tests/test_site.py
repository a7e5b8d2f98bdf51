"""The site of `make docs`: its pages, its navigation, and what the catalog and click have.

MkDocs itself is not needed here: `make docs` builds the site and fails at every warning.
"""

import doctest
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest
from test_documented_commands import commands as shown_commands

import simulator
from semantic.link.reading import OPTIONS
from simulator.catalog import CHANNELS, CODECS, DATA, IMPAIRMENTS, SCHEMES
from simulator.cli import main
from simulator.commands.figures import FRONTIER
from simulator.papers.run import choose
from simulator.plots.styles import STYLES
from simulator.renamed import RENAMED

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def build_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_site", DOCS / "build_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(build_site: ModuleType) -> dict[str, str]:
    """The text of every page, by its file on the site."""
    written = {file.name: file.read_text("utf-8") for file in DOCS.glob("*.md")}
    return written | build_site.generated()


def test_every_page_is_in_the_navigation_once(pages: dict[str, str]) -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    nav = text[text.index("\nnav:") : text.index("\nmarkdown_extensions:")]
    named = re.findall(r"^ *- [^#\n]*?: (\S+\.md)$", nav, re.MULTILINE)
    assert sorted(named) == sorted(pages)
    assert not [name for name in DOCS.rglob("*.md") if name.parent != DOCS]


def test_no_page_outside_docs_is_forgotten(build_site: ModuleType) -> None:
    written = [*ROOT.glob("*.md"), *ROOT.glob("benchmarks/**/*.md"), *ROOT.glob("semantic/**/*.md")]
    files = {path.relative_to(ROOT).as_posix() for path in written}
    tables = {name for name in files if name.startswith("benchmarks/results/papers/")}
    assert files - tables == set(build_site.OUTSIDE)


def test_every_command_and_option_is_documented(
    build_site: ModuleType, pages: dict[str, str]
) -> None:
    page = pages["reference/command-line.md"]
    for words, command in build_site.commands("simulate", main):
        assert f"\n## {words}\n" in page
        assert command.help, words
        part = page.partition(f"\n## {words}\n")[2].partition("\n## ")[0]
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, (words, parameter.name)
                assert re.search(rf"^`.*{parameter.opts[0]}\b.*`\n:   \S", part, re.MULTILINE), (
                    words, parameter.opts,
                )  # fmt: skip


def test_every_name_of_the_catalog_is_documented(pages: dict[str, str]) -> None:
    names = [*SCHEMES, *CHANNELS, *CODECS, *IMPAIRMENTS, *DATA, *choose((), None), *OPTIONS]
    assert [name for name in names if f"| `{name}` |" not in pages["reference/names.md"]] == []
    headings = re.findall(r"^## (.*)$", pages["arguments.md"], re.MULTILINE)
    assert {name for line in headings for name in line.split(", ")} == set(SCHEMES)
    for name in (*CHANNELS, *IMPAIRMENTS):
        family = re.sub(r"^(tdl|cdl)-[a-e]$", r"\1-a", name)
        assert f"`{family}`" in pages["channels.md"], name
    for codec in CODECS:
        assert f"`{codec}`" in pages["extend.md"] or f"codec={codec}" in pages["extend.md"], codec


def test_every_figure_is_made_by_a_command_of_a_page() -> None:
    """Of a page that somebody wrote: the page of names is made from the catalog."""
    figures = {**choose((), None)}
    assert all(figures.values())  # its summary
    shown = {
        word
        for page in DOCS.glob("*.md")
        for words in shown_commands(page.read_text("utf-8"), "simulate")
        if words[:1] == ["figures"]
        for word in words
    }
    assert {*figures, FRONTIER} - shown == set()


def test_only_renamed_options_are_hidden(build_site: ModuleType) -> None:
    hidden = {
        option
        for _, command in build_site.commands("simulate", main)
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.hidden
        for option in parameter.opts
    }
    assert hidden <= {old for names in RENAMED.values() for old in names}


def test_every_public_name_and_every_style_is_explained(pages: dict[str, str]) -> None:
    written = "\n".join(text for name, text in pages.items() if not name.startswith("reference/"))
    code = "\n".join(re.findall(r"^ *```.*?^ *```|`[^`]+`", written, re.DOTALL | re.MULTILINE))
    assert [name for name in dir(simulator) if not re.search(rf"\b{name}\b", code)] == []
    assert [name for name in STYLES if f"| `{name}` |" not in pages["figures.md"]] == []


def test_every_module_with_an_interface_is_in_the_reference(pages: dict[str, str]) -> None:
    shown = {
        name for page, text in pages.items() if page.startswith("reference/")
        for name in re.findall(r"^::: (\S+)$", text, re.MULTILINE)
    }  # fmt: skip
    files = [
        file for name in ("phy", "semantic", "simulator") for file in (ROOT / name).rglob("*.py")
    ]
    modules = {".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files}
    hidden = re.compile(r"__\w+__$|old_paths$|^simulator\.cli$|^simulator\.commands|\.synthetic\.")
    assert shown == {name for name in modules if not hidden.search(name)}


def test_links_fit_the_site(build_site: ModuleType) -> None:
    unchanged = (
        "[x](https://example.org), ![f](figures/semharq.png), "
        "[images.parquet](results/embedded/images.parquet)\n```\n[model.md](model.md)\n```"
    )
    text = "[model.md](model.md#costs), [C](../CONTRIBUTING.md), [results/](results/)"
    assert build_site.adapted(f"{text} {unchanged}", "docs/data.md", "data.md") == (
        "[The link model](model.md#costs), [C](project/contributing.md), "
        f"results/ (`docs/results`) {unchanged}"
    )
    readme = build_site.adapted("![](docs/a.png) [L](LICENSE)", "README.md", "project/readme.md")
    assert readme == "![](../a.png) L (`LICENSE`)"


def test_the_calculations_of_the_pages_are_right(pages: dict[str, str]) -> None:
    """The blocks ```pycon of a page are one session."""
    seen = 0
    for name, text in pages.items():
        blocks = re.findall(r"^```pycon\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name, name, 0)
        result = doctest.DocTestRunner().run(test)
        assert result.failed == 0, name
        seen += result.attempted
    assert seen > 10


@pytest.mark.integration
def test_the_codec_of_the_page_is_the_example_and_passes_its_check(
    pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    example = (DOCS / "examples" / "my_jpeg2000.py").read_text("utf-8")
    assert f"```python\n{example}```" in pages["own-codec.md"]
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    from simulator.checks.codec import check_codec

    report = check_codec("my_jpeg2000:Jpeg2000")
    sys.modules.pop("my_jpeg2000")
    assert report.ok, str(report)
