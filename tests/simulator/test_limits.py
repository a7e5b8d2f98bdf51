"""A slip of the keyboard is refused at once, with the limit; it does not fill the memory."""

import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.cli import main
from simulator.spec import RunSpec
from simulator.sweeps import limits
from simulator.sweeps.limits import check_cells, check_load
from simulator.sweeps.sweepfile import read_sweep


def refused(*arguments: object) -> str:
    begun = time.process_time()
    result = CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")
    assert result.exit_code == 2, result.output
    assert time.process_time() - begun < 10
    (line,) = result.stderr.splitlines()
    return str(line)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--seeds", 10**9], "are 8000000000 points, a run has at most 100000"),
        (["--seeds", 10**400], "seeds of many digits is not allowed"),
        (["--seed", 2**64], "it must be 0 to 18446744073709551615"),
        (["--seed", 2**64 - 1, "--seeds", 2], "the last is 18446744073709551615"),
        (["--seed", 2**64 - 50, "--until", "ci=1"], "a seed is at most 18446744073709551615"),
        (
            ["--scheme", "conventional-amc", "--bandwidth-mhz", 1000000, "--slot-ms", 1000],
            "conventional-amc may fill a slot of T W = 1e+12 channel uses",
        ),
    ],
)
def test_a_run_that_is_too_large(
    arguments: list[object], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert expected in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.integration
def test_a_grid_that_is_too_large(tmp_path: Path) -> None:
    values = list(range(1, 301))
    fields = ("max_transmissions", "seed", "images", "batch_size", "max_seeds")
    grid = "\n".join(f"{name} = {values}" for name in fields)
    (tmp_path / "sweep.toml").write_text(f"[grid]\n{grid}\n", encoding="utf-8")
    line = refused("--sweep", tmp_path / "sweep.toml", "--out", tmp_path / "out")
    assert "300 x 300 x 300 x 300 x 300 = about 10^12 runs" in line
    assert "a sweep has at most 10000" in line


def test_the_limit_itself_is_allowed(tmp_path: Path) -> None:
    check_load(replace(RunSpec(), snr_db=(0.0,), seeds=limits.MOST_POINTS))
    check_load(replace(RunSpec(), seed=2**64 - 1))
    check_load(replace(RunSpec(), seed=2**64 - 100, until="ci=1"))
    check_cells(10, 100_000, 1)
    with pytest.raises(ValueError, match=r"1000010 cells .* at most 1000000"):
        check_cells(10, 100_001, 1)


def test_memory_counts_the_uses_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "memory_bytes", lambda: 256 * 20_000 * 8)
    spec = RunSpec(schemes=("conventional-amc",), slot_s=1e-3, bandwidth_hz=20e6, batch_size=256)
    check_load(spec)
    with pytest.raises(ValueError, match="smaller T, W or --batch-size"):
        check_load(replace(spec, batch_size=257))
    check_load(replace(spec, schemes=("semharq",), bandwidth_hz=1e15))  # at most 1024 features


def test_a_sweep_of_many_values_of_one_field_is_read(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(f"[grid]\nseed = {list(range(300))}\n", encoding="utf-8")
    assert len(read_sweep(tmp_path / "s.toml")) == 300
