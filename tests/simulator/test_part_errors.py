"""An error in a user's own part: one line with the file and line, the traceback in run.log."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from semantic.parts.errors import MOST_CHARACTERS, message, origin, place
from simulator.cli import main

pytestmark = pytest.mark.integration

#: A module with one part of each kind, and a function in which each of them fails.
MODULE = """\
import os
from phy.channel import Channel
from semantic.data import open_dataset
from simulator.source_codec import SourceCodec
from simulator.schemes.perfect import Perfect


def helper(where):
    if where == os.environ["FAILS"]:
        return {}["missing key"]  # line 10


helper("import")


class Own(Channel):
    def __init__(self, factor: float = 1.0):
        helper("channel is made")

    def draw(self, streams, uses, state):
        helper("draw")
        return streams.complex_normal(uses), None

    def apply(self, x, h, no, streams):
        helper("apply")
        return super().apply(x, h, no, streams)


class Scheme(Perfect):
    def __init__(self, networks):
        super().__init__(networks.encoder.network)
        helper("scheme is made")

    def encode(self, sources, rows):
        helper("encode")
        return super().encode(sources, rows)

    def perform(self, memory):
        helper("perform")
        return super().perform(memory)


def scheme(networks):
    return Scheme(networks)


class Codec(SourceCodec):
    def encode(self, image, quality):
        helper("codec")
        return bytes(8)

    def decode(self, data, size):
        raise RuntimeError


def data(split):
    helper("data")
    return open_dataset(os.environ["DATA"], split)
"""
IMAGE_FILES = "jpeg-ldpc-16qam-harq"


@pytest.fixture
def module(tmp_path: Path, folder_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / f"failing_parts_{abs(hash(str(tmp_path)))}.py"
    path.write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("DATA", str(folder_data))
    return path


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


CASES = [
    ("import", "--channel", "Own"),
    ("channel is made", "--channel", "Own"),
    ("draw", "--channel", "Own"),
    ("apply", "--channel", "Own"),
    ("import", "--scheme", "scheme"),
    ("scheme is made", "--scheme", "scheme"),
    ("encode", "--scheme", "scheme"),
    ("perform", "--scheme", "scheme"),
    ("import", "--data", "data"),
    ("data", "--data", "data"),
    ("codec", "--scheme-arg", "codec=Codec"),
]


@pytest.mark.parametrize(("fails", "option", "part"), CASES)
def test_the_line_names_file_and_line_and_the_log_has_the_traceback(
    *, fails: str, option: str, part: str, module: Path, folder_data: Path, tiny_weights: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("FAILS", fails)
    given = {
        "--scheme": IMAGE_FILES if option == "--scheme-arg" else "perfect",
        "--data": folder_data,
    }
    name, equals, value = part.rpartition("=")
    given[option] = f"{name}{equals}{module.stem}:{value}"
    out = tmp_path / "out"
    options = [word for pair in given.items() for word in pair]
    result = simulate(
        *options, "--snr", "0", "--weights", tiny_weights, "--engine", "inline", "--out", out
    )
    lines = [line for line in result.stderr.splitlines() if "missing key" in line]
    assert lines, result.stderr
    assert all(line.count(f"({module}:10)") == 1 for line in lines)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    log = (out / "run.log").read_text()
    assert "Traceback (most recent call last)" in log
    assert 'return {}["missing key"]  # line 10' in log
    if fails in ("draw", "apply", "encode", "perform", "codec"):
        assert "simulate: failed: " in lines[0]  # the points, each by itself
    else:
        assert lines == [lines[0]]
        assert lines[0].endswith(f"; the traceback is in {out / 'run.log'}")


def test_a_syntax_error_is_named(module: Path, tmp_path: Path) -> None:
    module.write_text("def f(:\n")
    result = simulate(
        "--scheme", "perfect", "--snr", "0", "--channel", f"{module.stem}:Own", "--out",
        tmp_path / "out",
    )  # fmt: skip
    assert result.exit_code == 2
    assert f"({module}:1)" in result.stderr


def test_a_check_names_the_place(module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS", "draw")
    monkeypatch.setenv("COLUMNS", "400")
    result = simulate("check", f"{module.stem}:Own")
    assert result.exit_code == 1
    assert ":10)" in result.stdout


def test_an_error_that_cannot_tell_its_message(module: Path, tmp_path: Path) -> None:
    module.write_text(
        "from phy.channel import Channel\n"
        "class Odd(Exception):\n    def __str__(self):\n        return 1 / 0\n"
        "class Own(Channel):\n    def draw(self, streams, uses, state):\n        raise Odd\n"
        "class Made(Own):\n    def __init__(self):\n        raise Odd\n"
    )
    run = ["--scheme", "perfect", "--snr", "0", "--engine", "inline", "--out", tmp_path / "out"]
    for part in ("Own", "Made"):
        result = simulate(*run, "--data", os.environ["DATA"], "--channel", f"{module.stem}:{part}")
        assert result.exit_code == 2
        assert "Odd: its message cannot be shown (" in result.stderr
    assert simulate("check", f"{module.stem}:Own").exit_code == 1


def test_points_that_fail_alike_leave_one_traceback(
    module: Path, folder_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    tiny_weights: Path,
) -> None:  # fmt: skip
    monkeypatch.setenv("FAILS", "draw")
    result = simulate(
        "--scheme", "semharq,perfect", "--snr", "0,3,6", "--data", folder_data, "--channel",
        f"{module.stem}:Own", "--weights", tiny_weights, "--engine", "inline", "--out", tmp_path,
    )  # fmt: skip
    assert result.exit_code == 2
    assert result.stderr.count("failed: ") == 6
    log = (tmp_path / "run.log").read_text()
    assert log.count("Traceback (most recent call last)") <= 2


def test_an_error_of_the_simulator_has_no_place() -> None:
    from simulator.spec import parse_snr

    with pytest.raises(ValueError, match="SNR") as caught:
        parse_snr("x")
    error = caught.value
    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next  # without this test
    assert origin(error) is None
    assert place(error) == ""


@pytest.mark.integration
@pytest.mark.parametrize(
    ("returned", "found"),
    [
        ("None", "is a NoneType, it must be a simulator.scheme.Scheme"),
        ("type('Half', (), {'reasons': (), 'encode': 1})()", "is a Half, it must be a simulator."),
    ],
)
def test_a_factory_that_returns_no_scheme(
    returned: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    tiny_weights: Path, folder_data: Path,
) -> None:  # fmt: skip
    name = f"no_scheme_{len(returned)}"
    (tmp_path / f"{name}.py").write_text(f"def make(networks):\n    return {returned}\n")
    monkeypatch.syspath_prepend(tmp_path)
    line = ["--scheme", f"{name}:make", "--snr", "0", "--out", str(tmp_path / "out")]
    line += ["--data", str(folder_data), "--weights", str(tiny_weights)]
    result = CliRunner().invoke(main, line)
    assert result.exit_code == 2, result.output
    assert f"scheme '{name}:make' {found}" in result.stderr
    assert result.stderr.strip().count("\n") == 0


def test_a_long_message_is_cut_in_the_middle() -> None:
    found = message(RuntimeError("begin " + "backend\n" * 1000 + "end"))
    assert found.startswith("begin backend")
    assert found.endswith("backend end")
    assert len(found) <= MOST_CHARACTERS + len(" ... ")
