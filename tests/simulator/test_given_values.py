"""Values that a user may give by mistake: one line, exit 2, and no work is done."""

import shlex
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.report.write import Options, write_report
from simulator.results.compare import Side, compare_runs


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("--scheme perfect --out=", "'' is no path"),
        ("data synthetic --split test --out=", "'' is no path"),
        ("status ''", "'' is no path"),
        ("--channel-arg k_factor=1 --channel-arg k_factor=2", "k_factor is given twice: '1' and"),
        ("--until errors=1.5", "needs a whole number of errors"),
    ],
)
def test_one_line_and_exit_2(command: str, message: str) -> None:
    result = CliRunner().invoke(main, shlex.split(command))
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1


def test_a_report_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a directory, --out must be a file"):
        write_report(tmp_path / "run", tmp_path, Options())


def test_a_metric_without_values_is_not_compared() -> None:
    rows = pd.DataFrame({"channel": ["awgn"], "snr_db": [0.0], "psnr_db": [None]})
    side = Side("run:semharq", rows)
    with pytest.raises(ValueError, match="has no values of 'psnr_db': run with --image-quality"):
        compare_runs(side, side, ["psnr_db"])
