"""Commands on runs: status, merge, plot, compare; sweep files; `simulator.simulate`."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

import simulator
from simulator.cli import main
from simulator.sweeps.sweepfile import read_sweep

pytestmark = pytest.mark.integration


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


def done(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object) -> str:
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    return str(line)


@pytest.fixture(scope="module")
def given(tiny_weights: Path, folder_data: Path) -> list[object]:
    channel = ["--channel", "toy_parts:Rayleigh", "--quiet"]
    return ["--data", folder_data, "--weights", tiny_weights, "--bandwidth-mhz", 4, *channel]


@pytest.fixture(scope="module")
def runs(given: list[object], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """a: two SNRs; b: a third one; both: all three at once, and the ceiling."""
    root = tmp_path_factory.mktemp("runs")
    done("--scheme", "toy_parts:plain", "--snr=-3,3", *given, "--out", root / "a")
    done("--scheme", "toy_parts:plain", "--snr", 0, *given, "--out", root / "b")
    all_ = ["--scheme", "toy_parts:plain,perfect", "--snr=-3,0,3"]
    done(*all_, *given, "--out", root / "both")
    return root


def test_status_counts(runs: Path, given: list[object]) -> None:
    text = done("status", runs / "both")
    assert "6 of 6 points of 40 images; not running" in text
    assert "toy_parts:plain: 3 of 3" in text
    assert "perfect: 3 of 3" in text
    assert "end: 6 points" in text
    assert done("status", runs).count("; not running") == 3
    assert "there is no run in" in refused("status", runs / "nowhere")


def test_status_of_a_run_with_holes(given: list[object], tmp_path: Path) -> None:
    faulty = ["--scheme", "toy_parts:plain", "--snr=-3,3", *given]
    faulty[faulty.index("toy_parts:Rayleigh")] = "toy_parts:Raises"
    result = call(*faulty, "--out", tmp_path)
    assert result.exit_code == 1  # some cells failed
    assert "failed: toy_parts:plain -3 dB seed 0: RuntimeError: the cable" in result.stderr
    curve = pd.read_csv(tmp_path / "curve.csv")
    assert curve["snr_db"].unique().tolist() == [3.0]
    text = done("status", tmp_path)
    assert "1 of 2 points" in text
    assert "RuntimeError: the cable is unplugged" in text
    victim = next(tmp_path.glob("cells/*.rows"))
    victim.write_bytes(victim.read_bytes()[:-1])
    assert f"{victim.name} is damaged" in done("status", tmp_path)


def test_merge_is_the_run_that_did_it_all(runs: Path, tmp_path: Path) -> None:
    text = done("merge", runs / "a", runs / "b", "--out", tmp_path / "merged")
    assert "3 points of 2 runs" in text
    assert "missing" not in text
    merged, both = (
        pd.read_parquet(d / "images.parquet") for d in (tmp_path / "merged", runs / "both")
    )
    whole = both[both["scheme"] == "toy_parts:plain"].reset_index(drop=True)
    pd.testing.assert_frame_equal(merged, whole, check_exact=True)
    curve = pd.read_csv(runs / "both" / "curve.csv")
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "merged" / "curve.csv"),
        curve[curve["scheme"] == "toy_parts:plain"].reset_index(drop=True),
    )
    assert "3 of 3 points" in done("status", tmp_path / "merged")
    # a merged run goes on like any other
    record = tmp_path / "merged" / "run.json"
    done("--spec", record, "--trust", "--snr=-3,0,3", "--quiet", "--out", tmp_path / "merged")
    assert "2 points are" not in (tmp_path / "merged" / "run.log").read_text()


def test_merge_refuses_what_is_not_one_study(
    runs: Path, given: list[object], tmp_path: Path
) -> None:
    other = ["--scheme", "toy_parts:plain", "--snr", 0, "--max-transmissions", 1]
    done(*other, *given, "--out", tmp_path / "other")
    line = refused("merge", runs / "a", tmp_path / "other", "--out", tmp_path / "merged")
    assert "are not one study: max_transmissions is 4 and 1" in line
    assert "is not a run" in refused("merge", tmp_path, "--out", tmp_path / "merged")


def test_merge_says_what_is_missing(runs: Path, given: list[object], tmp_path: Path) -> None:
    done("--scheme", "perfect", "--snr", 0, *given, "--out", tmp_path / "ceiling")
    text = done("merge", runs / "a", tmp_path / "ceiling", "--out", tmp_path / "merged")
    assert "3 points of 2 runs; 3 are missing: simulate --spec" in text


@pytest.mark.parametrize("axis", ["snr", "channel_uses"])
def test_plot_draws_any_runs(runs: Path, tmp_path: Path, axis: str) -> None:
    out = tmp_path / "figure.svg"
    done("plot", runs / "a", runs / "both", "--metric", "color_accuracy", "--x", axis, "--out", out)
    assert out.stat().st_size > 5000
    for arguments, expected in (
        (
            ["--metric", "colour_accuracy"],
            "unknown metric 'colour_accuracy': nearest: 'color_accuracy'",
        ),
        (["--x", "snrs"], "unknown x axis 'snrs': nearest: 'snr'"),
        (["--scheme", "perfct"], "unknown scheme 'perfct': nearest: 'perfect'"),
    ):
        assert expected in refused("plot", runs / "both", *arguments, "--out", out)
    assert "holds no finished run" in refused("plot", tmp_path, "--out", out)


def test_merge_refuses_other_code_of_a_users_part(
    given: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "my_gain.py"
    text = "import toy_parts\nclass G(toy_parts.Rayleigh):\n    gain = 1"
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # edits within a second
    given = ["--scheme", "perfect", *given, "--channel", "my_gain:G"]
    for number, snr in ((1, 0), (2, 3)):
        source.write_text(text.replace("1", str(number)))
        monkeypatch.delitem(sys.modules, "my_gain", raising=False)  # another process would have
        done(*given, "--snr", snr, "--out", tmp_path / str(number))
    out = tmp_path / "merged"
    line = refused("merge", tmp_path / "1", tmp_path / "2", "--out", out)
    assert line.endswith("were computed with other code: my_gain/my_gain.py differs")
    assert not [path for path in out.rglob("*.rows")], "nothing of a refused merge is left"


@pytest.mark.parametrize("column", ["file", "vehicle"])
def test_compare_refuses_other_images_under_the_same_numbers(
    runs: Path, column: str, tmp_path: Path
) -> None:
    rows = pd.read_parquet(runs / "a" / "images.parquet")
    other = {name: name for name in rows[column]}
    first, second = rows[column].unique()[:2]
    other |= {first: second, second: first}
    rows.assign(**{column: rows[column].map(other)}).to_parquet(tmp_path / "images.parquet")
    line = refused("compare", runs / "a", tmp_path)
    assert f"have other {column}s under the same image numbers at -3 dB" in line


def test_compare_is_paired(runs: Path, tmp_path: Path) -> None:
    both, csv = runs / "both", tmp_path / "gain.csv"
    text = done("compare", f"{both}:perfect", f"{both}:toy_parts:plain", "--out", csv)
    assert "difference" in text
    table = pd.read_csv(csv).set_index(["snr_db", "metric"])
    log = pd.read_parquet(both / "images.parquet")
    at = log[log["snr_db"] == -3.0].set_index("scheme")["color_correct"].astype(float)
    expected = 100 * (at["perfect"].mean() - at["toy_parts:plain"].mean())
    row = table.loc[(-3.0, "color_accuracy")]
    assert row["difference"] == pytest.approx(expected)
    assert row["ci_low"] <= row["difference"] <= row["ci_high"]
    assert row["n"] == 40
    assert 1 < row["vehicles"] <= 40
    assert f"{row['comparisons']} comparisons" in text
    assert "one training: intervals cover vehicles" in text
    assert (table["p_holm"] >= table["p_value"]).all()
    assert (table["mark"].fillna("") != "").equals((table["ci_low"] > 0) | (table["ci_high"] < 0))
    same = done("compare", runs / "a", f"{both}:toy_parts:plain", "--out", csv)
    assert "0.00" in same
    equal = pd.read_csv(csv)
    assert (equal["difference"] == 0).all()  # the very same numbers
    assert (equal["ci_low"] < 0).all(), "but not of vehicles that were not seen"
    assert "has several schemes" in refused("compare", both, runs / "a")
    assert "no channel and SNR in common" in refused("compare", runs / "a", runs / "b")
    assert "holds no finished run" in refused("compare", tmp_path, runs / "a")
    line = refused("compare", f"{both}:perfct", runs / "a")
    assert "nearest: 'perfect'" in line


SWEEP = """
# a small study
[run]
schemes = ["toy_parts:plain"]
snr_db = "0:3:3"
data = "{data}"
weights = "{weights}"
bandwidth_hz = 4e6
channel = "toy_parts:Rayleigh"

[grid]
max_transmissions = [1, 2]
"channel_args.seconds" = {seconds}
"""


def test_a_sweep_file_runs_its_grid(tiny_weights: Path, folder_data: Path, tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    text = SWEEP.replace("{data}", str(folder_data)).replace("{weights}", str(tiny_weights))
    file.write_text(text.replace("{seconds}", "[0, 0.001]"))
    grid = [tuple(combination.values()) for combination, _ in read_sweep(file)]
    assert grid == [(1, 0), (1, 0.001), (2, 0), (2, 0.001)]
    file.write_text(text.replace("{seconds}", "[0.001]"))
    done("--sweep", file, "--trust", "--snr", 3, "--quiet", "--out", tmp_path / "out")
    curve = pd.read_csv(tmp_path / "out" / "curve.csv")
    assert curve.groupby(["max_transmissions", "channel_args.seconds"]).ngroups == 2
    assert curve["snr_db"].unique().tolist() == [3.0]  # the command line has the last word
    uses = curve[curve["metric"] == "transmissions"].groupby("max_transmissions")["value"]
    assert uses.mean().tolist() == [1.0, 2.0]
    name = "max_transmissions=1,channel_args.seconds=0.001"
    assert (tmp_path / "out" / name / "run.json").exists()
    done("plot", tmp_path / "out", "--out", tmp_path / "all.png")


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("[run]\nseeds = \n", None, "at line 2"),
        ("[run]\n\nsede = 1\n", 3, "unknown field 'sede': nearest: 'seed'"),
        ("[run]\nseed = 1\n[gird]\n", 3, "unknown section 'gird': nearest: 'grid'"),
        ("[grid]\nseeds = 3\n", 2, "seeds in [grid] must be a list"),
        ("[grid]\nseeds = []\n", 2, "seeds in [grid] must be a list"),
        ("[run]\nseed = 1\n[grid]\n# x\nseed = [1, 2]\n", 5, "seed is in [run] and in [grid]"),
        ('[grid]\nchannel = ["rician", "rayleihg"]\n', 2, "nearest: 'rayleigh'"),
        ('[run]\nsnr_db = "8:-6:2"\n', 2, "SNR range '8:-6:2'"),
        ("[run]\nseeds = 0\n", 2, "seeds 0 is not allowed, it must be 1 to"),
        ('[run]\n"seed.x" = 0\n', 2, "unknown field 'seed.x'"),
        ("[grid]\nslot_s = [1, 1.0]\n", None, "it is the same run as slot_s=1; leave one"),
        ('[grid]\nsnr_db = ["0:2:2", [0, 2.0]]\n', None, "it is the same run as snr_db=0_2_2"),
    ],
)
def test_mistakes_in_a_sweep_file_name_their_line(
    text: str, line: int | None, problem: str, tmp_path: Path
) -> None:
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    found = refused("--sweep", file)
    assert problem in found
    assert str(file) in found
    assert line is None or f"line {line}:" in found


def test_a_sweep_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refused("--sweep", tmp_path / "none.toml")


def test_simulate_from_python_is_the_command_line(
    runs: Path, tiny_weights: Path, folder_data: Path
) -> None:
    table = simulator.simulate(
        "toy_parts:plain",
        [-3, 3],
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )
    written = pd.read_csv(runs / "a" / "curve.csv")
    pd.testing.assert_frame_equal(table, written, check_exact=False, rtol=1e-12)
    assert table.attrs["failed_cells"] == []
    assert table.attrs["spec"]["snr_db"] == (-3.0, 3.0)
    again = simulator.simulate(spec=runs / "a" / "run.json", snr="3", trust=True)
    assert np.array_equal(again["value"], table[table["snr_db"] == 3.0]["value"], equal_nan=True)
    with pytest.raises(ValueError, match="unknown field 'chanel' in the spec: nearest: 'channel'"):
        simulator.simulate("perfect", 0, chanel="rician")


@pytest.mark.parametrize("column", ["scheme", "channel", "snr_db", "seed", "image"])
def test_compare_names_a_missing_column(runs: Path, column: str, tmp_path: Path) -> None:
    rows = pd.read_parquet(next(runs.rglob("images.parquet")))
    rows.drop(columns=column).to_parquet(tmp_path / "images.parquet")
    line = refused("compare", tmp_path, tmp_path)
    assert line == f"simulate: {tmp_path}/images.parquet has no column '{column}': run again"


def test_compare_of_no_rows_is_one_line(runs: Path, tmp_path: Path) -> None:
    rows = pd.read_parquet(next(runs.rglob("images.parquet")))
    rows[:0].to_parquet(tmp_path / "images.parquet")
    assert refused("compare", tmp_path, tmp_path).endswith("images.parquet has no rows: run again")


def test_a_figure_has_the_size_that_was_asked_for(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "figure.pdf"
    directory = next(runs.rglob("curve.csv")).parent
    done("plot", directory, "--size", "3.5x2.6", "--out", out)
    assert b"/MediaBox [ 0 0 252 187.2 ]" in out.read_bytes()  # 72 points an inch
    for size in ("3.5", "0x1", "1x41", "nanx1", "3.5x", "1e9x1"):
        line = refused("plot", directory, "--size", size, "--out", out)
        assert "must be WIDTHxHEIGHT such as 3.5x2.6, each 1 to 40 inches" in line
