"""Values that a user may give by mistake: one line, exit 2, and no work is done."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest
from click.testing import CliRunner

from semantic.plugins import load
from simulator import compare, load_run, open_link, plot, simulate
from simulator.cli import main
from simulator.interactive.given_images import choose_numbers
from simulator.report.write import Options, write_report
from simulator.results.compare import Side, compare_runs
from simulator.run_fields import with_fields
from simulator.spec import RunSpec
from simulator.sweeps.limits import check_load


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("--scheme perfect --out=", "'' is no path"),
        ("data synthetic --split test --out=", "'' is no path"),
        ("status ''", "'' is no path"),
        ("--channel-arg k_factor=1 --channel-arg k_factor=2", "k_factor is given twice: '1' and"),
        ("--until errors=1.5", "needs a whole number of errors"),
        (
            "--bandwidth-mhz 1e13",
            "--bandwidth-mhz 10000000000000.0 is not allowed, it must be betw",
        ),
        ("--slot-ms 0", "--slot-ms 0.0 is not allowed, it must be between 0 and 1e+09"),
        ("--max-seeds 5", "--max-seeds needs a stop rule: --until ci=POINTS or --until errors=N"),
        ("--snr=٣", "SNR range '٣' is not allowed"),
        ("--snr=0:1_0:1", "SNR range '0:1_0:1' is not allowed"),
        ("--images ٤٠", "'٤٠' is not a valid integer"),
        ("--images 6_0", "'6_0' is not a valid integer"),
        ("--images ' 60'", "' 60' is not a valid integer"),
        ("--slot-ms １", "'１' is not a valid float"),
        ("--cell-timeout inf", "'inf' is not a valid float"),
        ("--until ci=١", "needs a positive number"),
        ("plot x --out x.pdf --columns ١", "'١' is not a valid integer"),
        ("compare a b --out x.txt", "'x.txt' is not allowed, it must be a .csv file"),
        ("data synthetic --seed -1 --out x", "seed is -1, must be at least 0"),
    ],
)
def test_one_line_and_exit_2(command: str, message: str) -> None:
    result = CliRunner().invoke(main, shlex.split(command))
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_no_option_reads_digits_of_its_own() -> None:
    """Every number is read by the types that refuse other alphabets, "1_0" and " 1"."""
    commands = [main]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        for option in command.params:
            plain = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
            assert not plain or hasattr(option.type, "pattern"), (command.name, option.name)
    assert len(commands) > 10


def test_two_modules_of_one_name_are_not_confused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python imports a name once: the second folder would get the part of the first."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a_namesake.py").write_text(f"value = {folder!r}\n")
    monkeypatch.chdir(tmp_path / "first")
    assert load("channel", "a_namesake:value", "a_namesake:value") == "first"
    monkeypatch.chdir(tmp_path / "second")
    with pytest.raises(ValueError, match=r"first/a_namesake.py has the name of .*/second/a_names"):
        load("channel", "a_namesake:value", "a_namesake:value")
    (tmp_path / "second" / "phy").mkdir()
    (tmp_path / "second" / "phy" / "__init__.py").touch()  # another checkout
    assert load("channel", "phy.snr:snr_from_db", "phy.snr:snr_from_db")
    sys.modules.pop("a_namesake")


@pytest.mark.parametrize("field", ["channel", "scheme"])
def test_a_file_name_is_no_import_string(field: str) -> None:
    for name in ("mine.py:Mine", "./mine.py:Mine", "/a/mine.py:Mine"):
        with pytest.raises(
            ValueError, match=f"{field} '{name}' names a file: write mine:Mine, from"
        ):
            RunSpec.from_json({"schemes": [name]} if field == "scheme" else {field: name})


def test_a_limit_of_seeds_that_nothing_reads_is_refused() -> None:
    with pytest.raises(ValueError, match="max_seeds needs a stop rule"):
        with_fields(RunSpec(), "perfect", 0, {"max_seeds": 5})
    with pytest.raises(ValueError, match="max_seeds 5 needs a stop rule"):
        check_load(RunSpec(max_seeds=5))


@pytest.mark.parametrize("odd", [5, 1.5, True, b"x", [None], {"a": 1}, "", "\0", object()])
def test_wrong_types_from_python_are_one_line(odd: Any, tmp_path: Path) -> None:
    calls: list[Callable[[], object]] = [
        lambda: load_run(odd),
        lambda: compare(odd, tmp_path),
        lambda: plot([odd]),
        lambda: simulate("perfect", 0, spec=odd),
        lambda: simulate("perfect", 0, out=odd),
        lambda: simulate("perfect", 0, engine=odd),
        lambda: open_link(odd),
        lambda: choose_numbers(odd if odd not in (5, "") else 1.5, [None]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"must be|unknown scheme|no scheme") as caught:
            call()
        assert len(str(caught.value).splitlines()) == 1


def test_what_is_no_list_of_names_or_runs() -> None:
    with pytest.raises(
        ValueError, match=r"scheme is \[None\], it must be a name or a list of names"
    ):
        simulate([None], 0)  # type: ignore[list-item]
    with pytest.raises(ValueError, match="no run was given"):
        plot([])


def test_a_report_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a directory, --out must be a file"):
        write_report(tmp_path / "run", tmp_path, Options())


def test_a_metric_without_values_is_not_compared() -> None:
    rows = pd.DataFrame({"channel": ["awgn"], "snr_db": [0.0], "psnr_db": [None]})
    side = Side("run:semharq", rows)
    with pytest.raises(ValueError, match="has no values of 'psnr_db': run with --image-quality"):
        compare_runs(side, side, ["psnr_db"])
