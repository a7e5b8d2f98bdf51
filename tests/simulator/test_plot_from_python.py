"""`simulator.plot`, and what a figure cannot show: one line each, and no warning of a library."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from plotted import curve

from simulator import plot
from simulator.cli import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs") / r"5$\foo$"
    root.mkdir()
    table = curve(2).drop(columns="run").replace({"s0": "semharq", "s1": "perfect"})
    table.to_csv(root / "curve.csv", index=False)
    (root / "run.json").write_text("{}")
    return root


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("metric", [None, 3, "", [], "mapp", [None]]),
        ("x", [None, ["snr"], "chanel_uses", 3]),
        ("schemes", [3, "semharqq", [None], []]),
        ("channel", [3, ["x"], "x"]),
        ("labels", ["semharq=S", ["semharq=S"], {"semharq": 3}, {"x": "S"}, {"semharq": ""}]),
        ("style", [None, 3, "iee", Path("none.mplstyle")]),
        ("columns", [0, 3, -1, True, "2", 1.5, None]),
        ("size", [(0, 0), "3x2", 3, (3,), (np.nan, 1), (1e9, 1), ("a", "b"), (-1, 2), (1, 2, 3)]),
        ("intervals", [None, "bar", ["bars"]]),
        ("legend", [None, "belo", 3]),
        ("log", ["x", "z", 3]),
        ("out", [3, "", "x", "x.pfd"]),
    ],
)
def test_a_wrong_argument_is_one_line(argument: str, values: list[Any], run: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for value in values:
            with pytest.raises(ValueError, match=r"must be|unknown|allowed|no |read:") as found:
                plot(run, **{argument: value})
            assert re.search(r"style cannot be drawn|not subscriptable", str(found.value)) is None
            assert "\n" not in str(found.value)


def test_a_wrong_label_is_not_called_an_option(run: Path) -> None:
    with pytest.raises(ValueError, match=r"^labels 'x=S': unknown name 'x'"):
        plot(run, labels={"x": "S"})


def test_python_draws_what_the_command_draws(run: Path, tmp_path: Path) -> None:
    """The same axes, labels and scales: the files are equal."""
    here, there = tmp_path / "python.tex", tmp_path / "command.tex"
    uses = {"x": "channel_uses", "metric": "rank1"}
    plot(run, **uses, labels={"channel_uses": "uses k"}, out=here)  # type: ignore[arg-type]
    options = [word for name, value in uses.items() for word in (f"--{name}", value)]
    label = ["--label", "channel_uses=uses k", "--out", there]
    result = CliRunner().invoke(main, [str(word) for word in ["plot", run, *options, *label]])
    assert result.exit_code == 0, result.output
    assert here.read_text() == there.read_text()
    assert "xmode=log" in here.read_text()
    plot(run, **uses, log="none", out=here)  # type: ignore[arg-type]
    assert "mode=log" not in here.read_text()


@pytest.mark.parametrize("size", [(2.0, 1.0), np.array([3.0, 2.0])])
def test_a_size_is_any_pair(size: Any, run: Path, tmp_path: Path) -> None:
    plot(run, size=size, out=tmp_path / "x.tex")
    assert "documentclass" in (tmp_path / "x.tex").read_text()


def command(run: Path, *options: object) -> tuple[int, list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no line with a path of the code
        result = CliRunner().invoke(main, ["plot", str(run), *map(str, options)])
    return result.exit_code, result.output.splitlines()


@pytest.mark.parametrize(("text", "lacks"), [("漢字", "'漢字'"), ("a\x07", r"'\x07'")])
def test_a_letter_that_no_font_has_is_named(
    text: str, lacks: str, run: Path, tmp_path: Path
) -> None:
    code, lines = command(run, "--label", f"semharq={text}", "--out", tmp_path / "x.pdf")
    assert code == 0
    assert lines[0].startswith(f"note: the fonts of the style lack {lacks}")
    assert lines[1:] == [str(tmp_path / "x.pdf")]
    with pytest.warns(UserWarning, match="fonts of the style lack"):
        plot(run, labels={"semharq": text}, out=tmp_path / "x.pdf")


def test_a_figure_without_room_is_not_written(run: Path, tmp_path: Path) -> None:
    code, lines = command(
        run, "--size", "1x1", "--metric", "rank1,mAP", "--out", tmp_path / "x.png"
    )
    assert code == 2
    assert re.search("1x1 inches are too small for 2 panels .*: give a larger size", lines[0])
    assert not (tmp_path / "x.png").exists()


def test_postscript_has_nothing_transparent(
    run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """matplotlib draws it opaque there: a grid as dark as the data, bands that cover lines."""
    for legend in ("auto", "below"):
        code, _ = command(run, "--style", "ieee", "--legend", legend, "--out", tmp_path / "x.eps")
        assert code == 0
        assert not caplog.records
    code, lines = command(run, "--intervals", "bands", "--out", tmp_path / "y.eps")
    assert code == 2
    assert "cannot have bands" in lines[0]
    assert not (tmp_path / "y.eps").exists()


def test_a_dollar_sign_in_the_name_of_a_run_is_no_formula(run: Path, tmp_path: Path) -> None:
    other = tmp_path / "run"
    other.mkdir()
    for name in ("curve.csv", "run.json"):
        (other / name).write_text((run / name).read_text())
    plot([run, other], out=tmp_path / "x.svg")
    plot([run, other], out=tmp_path / "x.tex")
    assert r"5\$\textbackslash{}foo\$, semharq" in (tmp_path / "x.tex").read_text()


def test_a_label_of_several_lines_ends_no_latex_command(run: Path, tmp_path: Path) -> None:
    plot(run, labels={"semharq": "a\n\nb\x07"}, out=tmp_path / "x.tex")
    assert r"\addlegendentry{a b }" in (tmp_path / "x.tex").read_text()
