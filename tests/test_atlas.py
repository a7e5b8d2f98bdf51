"""The atlas of readings: published differences, its tables and its figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.atlas.comparisons import COMPARISONS, FOREST, published_differences
from benchmarks.atlas.evaluate import _differences as paired
from benchmarks.atlas.evaluate import _write as write
from benchmarks.atlas.forest import draw_forest
from benchmarks.atlas.page import BEGIN, END, numbers, write_page
from semantic.link.protocol import CONTROLS, LEARNED

READING = "default"


def test_published_gains_become_differences() -> None:
    found = published_differences("rank1").set_index(["comparison", "snr_db"])["difference"]
    assert found["SemHARQ - IK", -2.0] == pytest.approx(68.22 - 68.22 / 1.185)
    assert found["SemHARQ - RT", -6.0] == pytest.approx(20.97 - 20.97 / 1.7771)
    assert found["FIR - sequential", 0.0] == pytest.approx(69.61 - 69.61 / 1.4)
    assert found["IK - RT", -2.0] == pytest.approx(68.22 / 1.185 - 68.22 / 1.3097)
    assert set(found.index.get_level_values(0)) == set(FOREST)


def test_the_comparisons_are_of_schemes_that_exist() -> None:
    assert {s for pair in COMPARISONS.values() for s in pair} <= {*LEARNED, *CONTROLS}


def test_a_difference_is_over_the_training_seeds_that_both_schemes_have() -> None:
    rng = np.random.default_rng(0)
    images = pd.DataFrame({"image": np.arange(40), "vehicle": np.arange(40) // 4})
    tables = {}
    for scheme, seeds in (("semharq", (0, 1, 2)), ("ik-s-harq", (0, 2))):
        parts = [images.assign(training=n, seed=0, snr_db=-6.0) for n in seeds]
        rows = pd.concat(parts, ignore_index=True)
        for column in ("rank1_hit", "average_precision", "color_correct", "type_correct"):
            rows[column] = rng.random(len(rows)).round()
        tables[scheme] = rows
    (found,) = [row for row in paired(READING, tables) if row["metric"] == "rank1"]
    ours, theirs = tables["semharq"], tables["ik-s-harq"]
    ours = ours[ours["training"] != 1]
    expected = 100 * (ours["rank1_hit"].mean() - theirs["rank1_hit"].mean())
    assert found["difference"] == pytest.approx(expected)
    assert (found["comparison"], found["trainings"]) == ("SemHARQ - IK", 2)


def test_a_reading_that_was_not_evaluated_keeps_its_rows(tmp_path: Path) -> None:
    file, order = tmp_path / "points.csv", ("default", "block", "printed")
    write(file, [{"reading": name, "value": 1.0} for name in ("default", "printed")], order)
    write(file, [{"reading": name, "value": 2.0} for name in ("block", "printed")], order)
    found = pd.read_csv(file)
    assert [*zip(found["reading"], found["value"], strict=True)] == [
        ("default", 1.0),
        ("block", 2.0),
        ("printed", 2.0),
    ]
    write(file, [], order)
    assert pd.read_csv(file).equals(found)


def differences() -> pd.DataFrame:
    rows = []
    for reading, sign in (("default", -1.0), ("image-f", 1.0)):
        for snr_db in (-6.0, -2.0, 2.0):
            for comparison in FOREST:
                value = 5.0 * sign
                row = {"reading": reading, "comparison": comparison, "snr_db": snr_db}
                row |= {"metric": "rank1", "difference": value, "trainings": 2}
                rows.append({**row, "ci_low": value - 1, "ci_high": value + 1})
    return pd.DataFrame(rows)


def test_the_page_has_the_tables_and_the_verdict(tmp_path: Path) -> None:
    differences().to_csv(tmp_path / "differences.csv", index=False)
    text = numbers(tmp_path)
    assert "At -6 dB the published order is seen in 1 of 2 readings: `image-f`." in text
    assert "**+5.0 [4.0, 6.0]**" in text
    assert "| papers (VeRi-776) | +7.0 | +9.2 | +2.2 |  | |" in text
    page = tmp_path / "atlas.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nbehind\n")
    write_page(tmp_path, page)
    assert page.read_text() == f"before\n{BEGIN}\n\n{text}\n\n{END}\nbehind\n"
    with pytest.raises(ValueError, match="has no markers"):
        write_page(tmp_path, tmp_path / "differences.csv")


def test_the_forest_plot_is_drawn(tmp_path: Path) -> None:
    draw_forest(differences(), "rank1", tmp_path / "forest.png")
    assert (tmp_path / "forest.png").stat().st_size > 10_000
