"""Style files of matplotlib: read as matplotlib reads them, and a bad line is named."""

from pathlib import Path

import pytest
from matplotlib import rc_params_from_file

from simulator.plots.styles import open_style

BAD_LINES = [
    (
        "lines.linewidth: abc",
        "lines.linewidth 'abc' is not allowed; allowed is a value such as 1.5",
    ),
    ("lines.linewidht: 1", "unknown setting 'lines.linewidht': nearest: 'lines.linewidth'"),
    ("lines.linewidth 3", "'lines.linewidth 3' is no setting, it must be NAME: VALUE"),
    ("axes.grid: perhaps", "axes.grid 'perhaps' is not allowed; allowed is True or False"),
    ("figure.figsize: 3", "figure.figsize '3' is not allowed; allowed is a value such as 6.4, 4.8"),
    ("figure.figsize: 0, 0", "figure.figsize 0 is not allowed; allowed is 1 to 40"),
    ("savefig.dpi: 1e9", "savefig.dpi 1e+09 is not allowed; allowed is 1 to 2400"),
    ("font.size: -3", "font.size -3 is not allowed; allowed is 0 to 10000"),
    ("lines.linewidth: nan", "lines.linewidth nan is not allowed"),
    ("axes.prop_cycle: cycler('x'", "axes.prop_cycle \"cycler('x'\" is not allowed"),
    ("axes.prop_cycle: __import__('os')", "is not allowed"),
    ("text.color: notacolor", "text.color 'notacolor' is not allowed"),
    ("backend: qtagg", "unknown setting 'backend'"),
    ("font.size: 9", "font.size is given twice"),
]


@pytest.mark.parametrize(("line", "problem"), BAD_LINES)
def test_a_bad_line_of_a_style_file_is_named(tmp_path: Path, line: str, problem: str) -> None:
    style = tmp_path / "mine.mplstyle"
    style.write_text(f"# of mine\nfont.size: 8  # points\n{line}\n")
    with pytest.raises(ValueError, match=r"^style file .*mine.mplstyle, line 3: ") as caught:
        open_style(str(style))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_style_file_is_read_as_matplotlib_reads_it(tmp_path: Path) -> None:
    style = tmp_path / "mine.mplstyle"
    text = 'lines.color: "#00ff00"  # green\naxes.prop_cycle: cycler("color", ["r", "b"])\n'
    text += "font.family: serif\r\nfigure.figsize: 5, 2\naxes.grid: True\nsavefig.bbox: tight\n"
    style.write_bytes(text.encode())
    expected = dict(rc_params_from_file(style, use_default_template=False))
    assert len(expected) == 6
    style.write_bytes(b"\xef\xbb\xbf" + text.encode())  # with a byte order mark, too
    assert expected.items() <= dict(open_style(str(style)).settings).items()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\xff\xfe\x00", "it is no text in UTF-8"),
        (b"", "no setting of matplotlib"),
        (None, "Is a dir"),
    ],
)
def test_a_style_file_that_is_none(tmp_path: Path, content: bytes | None, problem: str) -> None:
    style = tmp_path / "mine.mplstyle"
    style.mkdir() if content is None else style.write_bytes(content)
    with pytest.raises(ValueError, match=problem):
        open_style(str(style))
