"""Runs in directories whose name is not UTF-8: they are drawn, reported, read and compared."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
from plotted import curve

from simulator import load_run, plot
from simulator.report.page import Section
from simulator.report.run_files import RunFiles
from simulator.report.write import _link, _sweep_page, repeat
from simulator.results.compare import open_side
from simulator.spec import RunSpec


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs of a sweep; the name of the second is not UTF-8."""
    found = tmp_path / "a", tmp_path / os.fsdecode(b"b\xff")
    rows = {"scheme": ["semharq"], "channel": "rician", "snr_db": 0.0, "seed": 0, "image": 0}
    rows |= dict.fromkeys(("vehicle", "camera", "file", "training"), 0)
    for directory in found:
        try:
            directory.mkdir()
        except OSError:
            pytest.skip("this file system has no such names")
        curve(1).drop(columns="run").to_csv(directory / "curve.csv", index=False)
        (directory / "run.json").write_text(json.dumps({"spec": {}, "images": 1}))
        with (directory / "images.parquet").open("wb") as file:
            pd.DataFrame(rows).to_parquet(file)
    return found


def test_all_runs_below_are_drawn_and_read(runs: tuple[Path, Path], tmp_path: Path) -> None:
    plot(tmp_path, out=tmp_path / "all.tex")
    assert (tmp_path / "all.tex").read_text().count("addplot") >= 2
    for directory in runs:
        run = load_run(directory)
        assert load_run(run) is run
        assert list(run.images["scheme"]) == ["semharq"]


def test_a_report_links_to_it_and_shows_its_name(runs: tuple[Path, Path], tmp_path: Path) -> None:
    table = curve(1).assign(line="semharq")
    found = [RunFiles(one, {}, RunSpec(), table, pd.DataFrame()) for one in runs]
    links = _sweep_page(tmp_path, tmp_path / "report.html", found).sections[0].rows
    assert [row[1].target for row in links] == ["a/report.html", "b%FF/report.html"]
    assert [row[1].text for row in links] == ["a", r"b\xff"]
    section: Section = repeat(found[1])
    assert r"b\xff/run.json" in str(section.command)
    assert _link("x", runs[1], tmp_path).target == "b%FF"


def test_it_is_a_side_of_a_comparison(runs: tuple[Path, Path]) -> None:
    side = open_side(str(runs[1]))
    assert list(side.rows["scheme"]) == ["semharq"]
