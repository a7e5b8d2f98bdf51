"""The papers' tables and figures: every experiment can be run, drawn and asked for by name."""

import math
import runpy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from matplotlib.figure import Figure
from PIL import Image

from simulator import papers
from simulator.catalog import SCHEMES
from simulator.cli import main
from simulator.papers.experiments import EXPERIMENTS
from simulator.papers.information import answer_information, information, label_information
from simulator.papers.network_figures import NETWORK_FIGURES
from simulator.papers.published import published_points
from simulator.papers.run import choose, run_experiment, spec_of
from simulator.results.curve import METRICS
from simulator.results.figures import save
from simulator.spec import RunSpec

pytestmark = pytest.mark.integration

TEMPLATE = Path(__file__).parents[2] / "benchmarks" / "papers" / "figure.py"


def invented(spec: RunSpec) -> pd.DataFrame:
    """A curve that depends on the spec and needs no simulation."""
    rows = [
        {
            "scheme": scheme,
            "channel": "rician",
            "snr_db": snr_db,
            "metric": metric,
            "value": 50 + 4 * snr_db + len(scheme) / 10 + spec.max_transmissions / 10,
            "ci_low": 45 + 4 * snr_db,
            "ci_high": 56 + 4 * snr_db,
            "n": 100,
        }
        for scheme in spec.schemes
        for snr_db in spec.snr_db
        for metric in METRICS
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_line_is_a_run_that_exists(name: str) -> None:
    labels = [line.label for line in EXPERIMENTS[name].lines]
    assert len(set(labels)) == len(labels)
    for line in EXPERIMENTS[name].lines:
        assert line.scheme in SCHEMES
        spec_of(EXPERIMENTS[name], line, RunSpec())  # refuses what is no spec


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_leaves_its_files(
    name: str, tmp_path: Path, ink_for: Callable[..., None]
) -> None:
    """Each is drawn as a .png, and one of them as a .pdf as well, from the same figure."""
    ink_for(f"{name}.png", "table2.pdf")
    experiment, said = EXPERIMENTS[name], []
    points = run_experiment(name, RunSpec(), tmp_path, invented, said.append)
    assert len(said) == len(experiment.lines)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {f"{name}.{s}" for s in ("csv", "png", "pdf", *(["md"] * experiment.table))}
    back = pd.read_csv(tmp_path / f"{name}.csv")
    assert len(back) == len(points)
    assert set(back["label"]) == {line.label for line in experiment.lines}
    with Image.open(tmp_path / f"{name}.png") as image:
        assert len(image.convert("L").getcolors()) > 50  # not an empty sheet


@pytest.mark.usefixtures("no_ink")
def test_other_settings_have_files_of_their_own(tmp_path: Path) -> None:
    seen: list[RunSpec] = []

    def run(spec: RunSpec) -> pd.DataFrame:
        seen.append(spec)
        return invented(spec)

    for base in (RunSpec(), RunSpec(budget="uses"), RunSpec(max_transmissions=2, gallery="clean")):
        run_experiment("table2", base, tmp_path, run, lambda line: None)
    suffixes = ("csv", "png", "pdf", "md")
    stems = ("table2", "table2-uses", "table2-G2-clean-gallery")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{n}.{s}" for n in stems for s in suffixes
    }
    settings = [(spec.budget, spec.max_transmissions, spec.gallery) for spec in seen]
    of_each = (("slots", 4, "received"), ("uses", 4, "received"), ("slots", 2, "clean"))
    assert settings == [setting for setting in of_each for _ in range(2)]
    charged = {"channel_uses", "feedback_bits", "side_information_bits", "uses_charged"}
    assert charged <= set(pd.read_csv(tmp_path / "table2-uses.csv")["metric"])


def test_what_an_experiment_fixes_stays_fixed() -> None:
    lines = EXPERIMENTS["fig11"].lines
    base = RunSpec(max_transmissions=7, budget="uses")
    found = [spec_of(EXPERIMENTS["fig11"], line, base) for line in lines]
    assert [spec.max_transmissions for spec in found] == [1, 2, 4] * 3
    assert {spec.budget for spec in found} == {"uses"}


def test_published_points_are_those_of_the_papers() -> None:
    points = published_points(EXPERIMENTS["table2"]).set_index(["label", "snr_db", "metric"])
    assert points.loc[("semharq", -6, "rank1"), "value"] == 16.97
    assert points.loc[("semharq-sst", 8, "type_accuracy"), "value"] == 91.54
    assert len(points) == 2 * 8 * 3
    assert published_points(EXPERIMENTS["fig12"]).empty


@pytest.mark.usefixtures("no_ink")
def test_tables_hold_our_number_and_the_papers(tmp_path: Path) -> None:
    run_experiment("table2", RunSpec(), tmp_path, invented, lambda line: None)
    row = next(r for r in (tmp_path / "table2.md").read_text().splitlines() if "| -6 " in r)
    assert row.startswith("| -6 | 27.1 (17.0) | ")


def test_names_and_papers() -> None:
    assert list(choose(["fig8"], None)) == ["fig8"]
    assert list(choose([], None)) == [*EXPERIMENTS, *NETWORK_FIGURES]
    of_first = choose([], "smsc-fir")
    assert list(of_first) == ["table1", "fig3"]
    with pytest.raises(
        ValueError, match=r"unknown figure .fig88.; nearest: .fig8.; figures: table1, fig3"
    ):
        choose(["fig88"], None)


def test_information_of_answers() -> None:
    uniform = torch.full((6, 8), 1 / 8)
    sure = torch.eye(8)
    assert answer_information(uniform) == pytest.approx(0, abs=1e-12)
    assert answer_information(sure) == pytest.approx(3)
    assert answer_information(0.5 * sure + 0.5 / 8) == pytest.approx(
        3 + (9 / 16 * torch.log2(torch.tensor(9 / 16)) + 7 / 16 * -4).item(), abs=1e-6
    )


def test_labels_bear_out_no_more_than_there_is() -> None:
    labels = torch.tensor([0, 1, 1, 2, -1])
    entropy = math.log2(4) - 0.5  # shares 1/4, 1/2, 1/4
    right = torch.eye(3)[labels.clamp_min(0)]
    assert label_information(right, labels) == pytest.approx(entropy)
    shares = torch.tensor([[0.25, 0.5, 0.25]]).expand(5, 3)
    assert label_information(shares, labels) == pytest.approx(0, abs=1e-6)
    boastful = 0.99 * torch.eye(3)[[1, 0, 2, 1, 0]] + 0.01 / 3  # sure and wrong
    assert label_information(boastful, labels) < 0 < answer_information(boastful)
    assert math.isnan(label_information(right, torch.full((5,), -1)))


def test_information_lies_below_its_limit(tiny_weights: Path, folder_data: Path) -> None:
    spec = RunSpec(data=str(folder_data), weights=str(tiny_weights), snr_db=(-6.0, 8.0))
    table = information(replace(spec, bandwidth_hz=1e6))
    assert (table["semharq_bits"] >= 0).all()
    assert (table["v2_bound_bits"] <= table["channel_bound_bits"]).all()
    assert table["v2_bound_bits"].is_monotonic_increasing


def test_command_makes_stack_figures(
    tiny_weights: Path, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulator.papers.complexity.REPEATS", 1)  # the delays are not compared
    arguments = [
        "figures",
        "fig4",
        "complexity",
        "--data",
        str(folder_data),
        "--out",
        str(tmp_path),
    ]
    done = CliRunner().invoke(main, [*arguments, "--weights", str(tiny_weights), "--quiet"])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "complexity.csv").set_index("module")
    assert table.loc["JSC-Encoder", "parameters_M"] == 2.101
    assert table.loc["semantic encoder", "parameters_M"] == 6.954
    assert (table["delay_ms"] > 0).all()
    assert (tmp_path / "fig4.png").stat().st_size > 10_000


def test_command_refuses_an_unknown_setting(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["figures", "fig8", "--budget", "use", "--out", str(tmp_path)])
    assert done.exit_code == 2
    assert "budget 'use' is not allowed, it must be slots or uses; nearest: 'uses'" in done.output


def test_command_refuses_an_unknown_name() -> None:
    done = CliRunner().invoke(main, ["figures", "table9"])
    assert done.exit_code == 2
    assert "unknown figure 'table9'; nearest: 'table2'; figures: table1, fig3, fig8" in done.output


def test_list_names_every_figure() -> None:
    done = CliRunner().invoke(main, ["figures", "--list"])
    assert done.exit_code == 0
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert names == [*EXPERIMENTS, *NETWORK_FIGURES, "frontier"]
    of_one = CliRunner().invoke(main, ["figures", "--list", "--paper", "smsc-fir", "fig3"])
    assert [line.split()[0] for line in of_one.stdout.splitlines()] == ["fig3"]


def test_the_template_makes_a_figure(tiny_weights: Path, folder_data: Path, tmp_path: Path) -> None:
    template = runpy.run_path(str(TEMPLATE))
    common = template["COMMON"] | {
        "snr": "-6:6:6",
        "data": str(folder_data),
        "weights": str(tiny_weights),
        "bandwidth_hz": 4e6,
    }
    file = template["make_figure"](template["LINES"], common, template["PANELS"], tmp_path)
    with Image.open(file) as image:
        assert len(image.convert("L").getcolors()) > 50  # not an empty sheet
    curves = [pd.read_csv(tmp_path / f"line{n}" / "curve.csv") for n in (1, 2, 3, 4)]
    assert all(sorted(set(curve["snr_db"])) == [-6, 0, 6] for curve in curves)
    assert curves[0]["value"].tolist() != curves[1]["value"].tolist()


def test_pdf_figures_have_no_type_3_fonts(tmp_path: Path) -> None:
    """IEEE accepts TrueType (42) and Type 1 fonts alone."""
    figure = Figure()
    figure.suptitle("text")
    save(figure, tmp_path / "x.pdf", dpi=72)
    data = (tmp_path / "x.pdf").read_bytes()
    assert b"/Subtype /Type3" not in data
    assert b"/FontFile2" in data  # TrueType
    for source in Path(papers.__path__[0]).glob("*.py"):
        assert source.name == "saving.py" or ".savefig(" not in source.read_text(encoding="utf-8")
