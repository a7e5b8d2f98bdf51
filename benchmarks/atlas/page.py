"""The numbers of docs/atlas.md: tables between two markers, made from the CSV files alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.atlas.comparisons import FOREST, published_differences
from simulator.files import write_text_whole

BEGIN, END = "<!-- numbers: begin -->", "<!-- numbers: end -->"
SNRS_DB = (-6.0, -2.0, 2.0)


def write_page(results: Path, page: Path) -> None:
    """Replaces what lies between the markers of a page.

    Args:
        results: Directory of points.csv and differences.csv.
        page: The page.

    Raises:
        ValueError: If the page has no markers.
    """
    text = page.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{page} has no markers {BEGIN} and {END}")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    write_text_whole(page, f"{head}{BEGIN}\n\n{numbers(results)}\n\n{END}{tail}")


def numbers(results: Path) -> str:
    """Returns the tables as Markdown."""
    differences = pd.read_csv(results / "differences.csv")
    parts = []
    for metric, title in (("rank1", "Rank-1"), ("mAP", "mAP")):
        for snr_db in SNRS_DB:
            table = differences[
                (differences["metric"] == metric) & (differences["snr_db"] == snr_db)
            ]
            if len(table):
                parts.append(f"**{title} at {snr_db:g} dB**\n\n{_table(table, metric, snr_db)}")
    return "\n\n".join([verdict(differences), *parts])


def verdict(differences: pd.DataFrame) -> str:
    """Returns the readings in which the published order is seen, as a sentence for each SNR.

    The order is seen where SemHARQ - IK, IK - RT and FIR - sequential have intervals above 0.
    """
    lines = []
    wanted = {"SemHARQ - IK", "IK - RT", "FIR - sequential"}
    table = differences[differences["metric"] == "rank1"]
    for snr_db, here in table[table["comparison"].isin(wanted)].groupby("snr_db"):
        low = here.pivot(index="reading", columns="comparison", values="ci_low")
        seen = [
            str(name) for name, row in low.iterrows() if len(row) == len(wanted) and (row > 0).all()
        ]
        lines.append(
            f"- At {snr_db:g} dB the published order is seen in {len(seen)} of {len(low)} readings"
            + (f": {', '.join(f'`{name}`' for name in seen)}." if seen else ".")
        )
    return "\n".join(lines)


def _table(table: pd.DataFrame, metric: str, snr_db: float) -> str:
    rows = [f"| reading | {' | '.join(FOREST)} | trainings |", "|---" * (len(FOREST) + 2) + "|"]
    published = published_differences(metric)
    theirs = published[published["snr_db"] == snr_db].set_index("comparison")["difference"]
    cells = [f"{theirs[name]:+.1f}" if name in theirs.index else "" for name in FOREST]
    rows.append(f"| papers (VeRi-776) | {' | '.join(cells)} | |")
    for reading, here in table.groupby("reading", sort=False):
        known = here.set_index("comparison")
        cells = [_cell(known.loc[name]) if name in known.index else "" for name in FOREST]
        rows.append(f"| {reading} | {' | '.join(cells)} | {int(here['trainings'].min())} |")
    return "\n".join(rows)


def _cell(row: pd.Series) -> str:
    """Returns a difference with its interval, in bold where the interval is clear of 0."""
    text = f"{row['difference']:+.1f} [{row['ci_low']:.1f}, {row['ci_high']:.1f}]"
    return f"**{text}**" if row["ci_low"] > 0 or row["ci_high"] < 0 else text
