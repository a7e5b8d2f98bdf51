"""A page of a report: sections of text, charts and tables, rendered as one HTML file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from simulator.report.charts import Chart
from simulator.report.queries import Query
from simulator.results.line_styles import COLORS, DARK_COLORS, DASHES, VEGA_SHAPES


@dataclass(frozen=True)
class Link:
    """A link to another report.

    Attributes:
        text: Its text.
        target: A relative address.
    """

    text: str
    target: str


@dataclass
class Section:
    """A section.

    Attributes:
        name: Its anchor.
        title: Its heading.
        text: What it shows.
        charts: Its charts.
        heads: Headings of its table.
        rows: Rows of its table: texts, or links.
        caption: Name of the table.
        open: Whether the table is unfolded.
        queries: Best and worst queries.
        command: A command line.
        record: The content of run.json.
    """

    name: str
    title: str
    text: str
    charts: list[Chart] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    caption: str = ""
    open: bool = False
    queries: dict[str, list[Query]] = field(default_factory=dict)
    command: str = ""
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def record_text(self) -> str:
        """The record as indented JSON."""
        return json.dumps(self.record, indent=2)


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        title: Its title.
        settings: Names and values at its top.
        sections: Its sections.
        links: Links to other reports.
        alerts: Lines on what is missing from the run.
    """

    title: str
    settings: list[tuple[str, Any]]
    sections: list[Section]
    links: list[Link]
    alerts: list[str]


def render(page: Page, script: str) -> str:
    """Returns a page as HTML that loads nothing from elsewhere.

    Args:
        page: The page.
        script: The charting library.

    Raises:
        ValueError: One line, if Jinja is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise ValueError("simulate report needs Jinja: pip install 'semharq-sim[report]'") from None
    here = files("simulator.report")
    template, css, code = (
        (here / name).read_text("utf-8") for name in ("page.html.j2", "page.css", "page.js")
    )
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    looks = {"light": COLORS, "dark": DARK_COLORS, "shapes": VEGA_SHAPES, "dashes": DASHES}
    parts = {"css": css, "code": code, "script": script, "looks": json.dumps(looks)}
    return environment.from_string(template).render(page=page, **parts)
