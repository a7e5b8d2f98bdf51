"""Figures of runs: styles, legend, colors, published points, and the file for LaTeX."""

import re
import shutil
import subprocess
from pathlib import Path

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from plotted import curve, made

from simulator.cli import main
from simulator.papers.experiments import EXPERIMENTS
from simulator.plots.draw import make_figure
from simulator.plots.layout import INTERVALS, LEGENDS, Axis, Layout
from simulator.plots.panels import AXES
from simulator.plots.styles import STYLES, applied, open_style


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run, as far as a figure reads it."""
    root = tmp_path_factory.mktemp("run")
    table = curve(3).drop(columns="run").replace({"s0": "semharq", "s1": "ik-s-harq", "s2": "a_b"})
    table.to_csv(root / "curve.csv", index=False)
    (root / "run.json").write_text("{}")
    return root


def plot(run: Path, *options: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["plot", str(run), *map(str, options)])
    assert result.exit_code == code, result.output
    return result.output


# Legend


@pytest.mark.parametrize(
    ("schemes", "intervals", "inside", "style"),
    [
        (8, "bands", False, "ieee"),
        (8, "bands", False, "slides"),
        (3, "bars", True, "ieee"),
        (3, "bands", True, "slides"),
        (3, "bands", True, "plain"),
    ],
)
def test_a_legend_covers_no_data(schemes: int, intervals: str, inside: bool, style: str) -> None:
    table = curve(schemes, rising=inside)
    with applied(open_style(style)):
        figure = make_figure(made(table), Axis("x"), Layout(style, intervals=intervals))
        (ax,) = figure.axes
        legend = ax.get_legend()
        assert (legend is not None) == inside
        if legend is None:
            (legend,) = figure.legends
            figure.draw_without_rendering()
            box = legend.get_window_extent()
            assert not box.overlaps(ax.get_tightbbox())
            assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
            return
        box = legend.get_window_extent()
        legend.set_visible(False)
        ax.grid(False)
        ax.tick_params(length=0)  # inside the panel they are no data
        figure.canvas.draw()
        pixels = np.asarray(figure.canvas.buffer_rgba())[::-1, :, :3]  # from the bottom up
    under = pixels[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1]
    assert under.size > 1000
    assert (under == 255).all()


def test_a_legend_of_several_panels_is_below_them_and_has_each_line_once() -> None:
    figure = make_figure(made(curve(3), "rank1", "mAP"), Axis("x"), Layout())
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["s0", "s1", "s2"]
    assert not any(legend.get_window_extent().overlaps(ax.get_tightbbox()) for ax in figure.axes)


# Files


def test_a_column_of_an_ieee_paper_has_its_width_and_embedded_fonts(
    run: Path, tmp_path: Path
) -> None:
    for columns, width in ((1, 252), (2, 515.52)):
        out = tmp_path / f"{columns}.pdf"
        plot(run, "--style", "ieee", "--columns", columns, "--out", out)
        data = out.read_bytes()
        assert f"/MediaBox [ 0 0 {width:g} ".encode() in data
        assert b"/FontFile2" in data  # TrueType
        assert b"/Type3" not in data


def test_a_style_file_is_applied(run: Path, tmp_path: Path) -> None:
    style = tmp_path / "mine.mplstyle"
    style.write_text("figure.figsize: 5, 2\nlines.linewidth: 7\naxes.facecolor: 00ff00\n")
    plot(run, "--style", style, "--out", tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text()
    assert 'width="360pt" height="144pt"' in text
    assert "#00ff00" in text
    assert "stroke-width: 7" in text
    style.write_text("# no setting\n")
    assert "has no setting of matplotlib" in plot(
        run, "--style", style, "--out", tmp_path / "x.svg", code=2
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--style", "iee"], "unknown style 'iee': nearest: 'ieee'"),
        (["--style", "none.mplstyle"], "style file none.mplstyle cannot be read"),
        (
            ["--metric", "rank1,chanel_uses"],
            "unknown metric 'chanel_uses': nearest: 'channel_uses'",
        ),
        (["--metric", ","], "--metric ',' names no metric"),
        (["--scheme", ","], "--scheme ',' names no scheme"),
        (["--label", "semharq="], "--label 'semharq=' gives no text"),
        (["--label", "semharq= "], "--label 'semharq= ' gives no text"),
        (
            ["--label", "semharq=x", "--label", "semharq=y"],
            "--label 'semharq=y': 'semharq' has the text 'x' already",
        ),
        (
            ["--label", "semharq=x", "--label", "a_b=x"],
            "2 lines of the figure would be called 'x': give each a label of its own",
        ),
        (["--label", "semharq=a_b"], "2 lines of the figure would be called 'a_b'"),
        (
            ["--label", "semharq=$\\thta$"],
            "'$\\\\thta$' has a formula that cannot be drawn: Unknown",
        ),
        (["--label", "rank1=$\\frac{1$"], "has a formula that cannot be drawn"),
        (["--label", "semharq"], "--label 'semharq' is not NAME=TEXT"),
        (["--label", "semhark=x"], "unknown name 'semhark': nearest: 'semharq'"),
        (["--published", "fig88"], "unknown published figure 'fig88': nearest: 'fig8'"),
        (["--published", "fig8", "--scheme", "a_b"], "fig8 has no published point of these"),
        (["--published", "fig8", "--x", "channel_uses"], "published points are given over the SNR"),
        (["--intervals", "bar"], "unknown intervals 'bar': nearest: 'bars'"),
        (["--legend", "belo"], "unknown legend 'belo': nearest: 'below'"),
        (["--log", "x"], "a logarithmic x is not allowed for the SNR"),
        (["--log", "z"], "unknown log 'z': none, x, y or xy"),
        (["--out", "x.pgf"], ".pgf needs LaTeX to draw: write .tex"),
        (["--out", "x.pfd"], "'x.pfd' is no figure: nearest: 'pdf'"),
    ],
)
def test_a_mistake_is_one_line(
    run: Path, options: list[str], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = plot(run, "--out", "x.png", *options, code=2).splitlines()
    assert problem in line
    assert not list(tmp_path.iterdir())


def test_lines_of_points_that_a_logarithmic_axis_cannot_show_are_named(
    run: Path, tmp_path: Path
) -> None:
    table = pd.read_csv(run / "curve.csv")
    table.loc[(table["scheme"] == "a_b") & (table["metric"] == "rank1"), "value"] = 0.0
    (tmp_path / "run.json").write_text("{}")
    table.to_csv(tmp_path / "curve.csv", index=False)
    out = tmp_path / "x.png"
    assert "note: a_b has no point to draw" in plot(tmp_path, "--log", "y", "--out", out)
    line = plot(tmp_path, "--log", "y", "--scheme", "a_b", "--out", out, code=2)
    assert "no run has a point of rank1 above 0 for a logarithmic axis" in line


def test_a_label_that_the_figure_does_not_show_is_named(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.tex"
    given = ["--label", "a_b=x", "--label", "mAP=y", "--label", "semharq=z"]
    lines = plot(run, "--scheme", "semharq", *given, "--out", out).splitlines()
    assert lines[:-1] == [
        f"note: --label {n}: the figure shows no such name" for n in ("a_b", "mAP")
    ]
    assert "note" not in plot(run, "--metric", "rank1,mAP", *given, "--out", out)


def test_the_horizontal_axis_takes_a_label(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.tex"
    options = ["--x", "channel_uses", "--label", "channel_uses=n per image"]
    assert "note" not in plot(run, *options, "--out", out)
    assert "xlabel={n per image}" in out.read_text()


def test_a_run_that_is_named_twice_is_drawn_once(run: Path, tmp_path: Path) -> None:
    once, twice = tmp_path / "1.tex", tmp_path / "2.tex"
    (tmp_path / "link").symlink_to(run)
    plot(run, "--out", once)
    text = plot(run, str(run), str(tmp_path / "link"), "--out", twice)
    assert f"note: {run} is given twice, it is drawn once" in text
    assert f"note: {tmp_path / 'link'} is given twice" in text
    assert once.read_text() == twice.read_text()


def test_a_name_that_begins_with_an_underscore_is_in_the_legend() -> None:
    table = curve(2).replace({"s0": "_mine:Scheme"})
    figure = make_figure(made(table), Axis("x"), Layout(legend="below"))
    (legend,) = figure.legends
    assert [text.get_text().strip() for text in legend.get_texts()] == ["_mine:Scheme", "s1"]


# LaTeX


def numbers(text: str) -> list[list[float]]:
    """The rows of the tables of a LaTeX file."""
    rows = re.findall(r"^    (-?[\d.e+-]+(?: -?[\d.e+-]+){3})$", text, re.MULTILINE)
    return [[float(value) for value in row.split()] for row in rows]


def test_the_latex_file_has_the_points_the_intervals_and_the_labels(
    run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.tex"
    options = ["--label", "semharq=50 % $\\theta_0$", "--published", "fig8", "--log", "y"]
    plot(run, "--metric", "rank1,mAP", *options, "--out", out)
    text = out.read_text()
    table = pd.read_csv(run / "curve.csv")
    for metric, rows in zip(("rank1", "mAP"), np.split(np.array(numbers(text)), 2), strict=True):
        points = table[table["metric"] == metric]
        np.testing.assert_allclose(rows[:, 0], points["snr_db"])
        np.testing.assert_allclose(rows[:, 1], points["value"], rtol=1e-7)
        np.testing.assert_allclose(rows[:, 2], points["ci_high"] - points["value"], rtol=1e-6)
        np.testing.assert_allclose(rows[:, 3], points["value"] - points["ci_low"], rtol=1e-6)
    assert r"\addlegendentry{50 \% $\theta_0$}" in text
    assert r"\addlegendentry{a\_b}" in text
    assert r"\addlegendentry{50 \% $\theta_0$, published}" in text
    assert "ymode=log" in text
    assert text.count("{") == text.count("}")
    began, ended = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert sorted(began) == sorted(ended) == ["document", "groupplot", "tikzpicture"]


@pytest.mark.integration
def test_the_latex_file_compiles(tmp_path: Path) -> None:
    latex = shutil.which("pdflatex")
    if (
        latex is None
        or not subprocess.run(["kpsewhich", "pgfplots.sty"], capture_output=True).stdout
    ):
        pytest.skip("no pdflatex with pgfplots on this machine")
    table = curve(8).drop(columns="run")
    table.to_csv(tmp_path / "curve.csv", index=False)
    (tmp_path / "run.json").write_text("{}")
    plot(tmp_path, "--metric", "rank1,mAP", "--out", tmp_path / "x.tex")
    command = [latex, "-interaction=nonstopmode", "-halt-on-error", "x.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")


# The page


@pytest.mark.parametrize("command", ["plot", "report"])
def test_every_option_and_choice_is_on_the_page(command: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "figures.md").read_text("utf-8")
    for option in main.commands[command].params:
        for name in option.opts if isinstance(option, click.Option) else ():
            assert f"`{name}" in page, name
    for name in (*STYLES, *INTERVALS, *LEGENDS, *AXES):
        assert f"`{name}`" in page, name
    for name, experiment in EXPERIMENTS.items():
        assert (f"`{name}`" in page) == bool(experiment.published), name
