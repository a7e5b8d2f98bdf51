"""Files that somebody edited or cut: one line says what is wrong, or it does not matter."""

import json
from pathlib import Path

import pytest
from called import process, refused

from simulator.spec import RunSpec
from simulator.sweeps.store import DamagedError, Store
from simulator.sweeps.sweepfile import MOST_NAME_BYTES, directory_name, read_sweep


def test_a_grid_of_many_fields_has_short_names(tmp_path: Path) -> None:
    grid = {f"scheme_args.argument_{k}": "value" * 10 for k in range(20)}
    names = {directory_name({**grid, "seed": seed}) for seed in range(3)}
    assert len(names) == 3
    assert max(len(name.encode()) for name in names) <= MOST_NAME_BYTES


def test_a_byte_order_mark(tmp_path: Path) -> None:
    spec, sweep = tmp_path / "run.json", tmp_path / "sweep.toml"
    spec.write_text(json.dumps({"seed": 3}), encoding="utf-8-sig")
    assert RunSpec.read(spec).seed == 3
    sweep.write_text("[run]\nseed = 3\n", encoding="utf-8-sig")
    ((_, found),) = read_sweep(sweep)
    assert found.seed == 3


@pytest.mark.integration
def test_files_are_utf8_in_every_locale(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes('{"data": "d\u00e9part"}'.encode())
    code = (
        "import sys; from pathlib import Path; from simulator.spec import RunSpec\n"
        "print(ascii(RunSpec.read(Path(sys.argv[1])).data))"
    )
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    found = process(code, tmp_path / "run.json", **locale)
    assert found.stdout.strip() == r"'d\xe9part'", found.stderr


@pytest.mark.parametrize("deep", [10**3, 10**5])
def test_files_that_are_nested_too_deeply(tmp_path: Path, deep: int) -> None:
    (tmp_path / "run.json").write_text("[" * deep + "]" * deep, encoding="utf-8")
    assert "run.json" in refused("--spec", tmp_path / "run.json")
    (tmp_path / "s.toml").write_text(f"x = {'[' * deep}{']' * deep}", encoding="utf-8")
    assert "s.toml" in refused("--sweep", tmp_path / "s.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"data": 5}', "data 5 is not allowed, it must be a data set"),
        ('{"slot_s": null}', "slot_s None is not a number"),
        (f'{{"slot_s": {"9" * 400}}}', "slot_s of many digits is not allowed"),
        (f'{{"seed": {"9" * 400}}}', "seed of many digits is not allowed"),
        (f'{{"snr_db": [{"9" * 400}]}}', "SNR in dB of many digits is not allowed"),
        (f'{{"seed": {"9" * 5000}}}', "cannot be read"),
        ('{"schemes": "semharq"}', "schemes is 'semharq', it must be a list"),
        (
            '{"channel_args": {"k_factor": [1]}}',
            "k_factor is [1], it must be a finite number or a word",
        ),
        ('{"seed": true}', "seed True is not a whole number"),
    ],
)
def test_a_spec_with_a_wrong_type(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "run.json").write_text(text, encoding="utf-8")
    assert expected in refused("--spec", tmp_path / "run.json")


@pytest.mark.parametrize("holder", [[], {}, {"since": "x"}, {"since": 1e300, "pid": 1, "host": 1}])
def test_a_record_of_the_holder_that_lacks_entries(tmp_path: Path, holder: object) -> None:
    store = Store(tmp_path)
    store.write_json("holder.json", holder)
    assert store.holder() is None


HEADER = "scheme,channel,snr_db,metric,value,ci_low,ci_high,n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "cannot be read"),
        (HEADER, "has no points"),
        (HEADER.replace("channel,", "") + "\na,0,rank1,1,1,1,1", "has no column 'channel'"),
        (HEADER.replace("ci_high,", "") + "\na,b,0,rank1,1,1,1", "has no column 'ci_high'"),
        (HEADER + "\na,b,0,rank1,1,x,1,1", "ci_low is 'x', it must be a number"),
        (HEADER + '\na,b,0,"rank1,1,1,1,1', "cannot be read"),
        (HEADER + "\na,b,0,rank1,1,1,1,1,9,9,9", ""),
    ],
)
def test_a_curve_that_somebody_edited(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    line = refused("plot", tmp_path, "--out", tmp_path / "x.png")
    assert expected in line


def test_files_without_an_end(tmp_path: Path) -> None:
    """As /dev/zero, and /dev/full when it is read."""
    assert "longer than 64 MiB" in refused("--spec", "/dev/zero")
    assert "longer than 64 MiB" in refused("--sweep", "/dev/full")
    store = Store(tmp_path)
    store.root.mkdir()
    for name in ("plan.json", "a.rows"):
        (store.root / name).symlink_to("/dev/zero")
    assert store.read_json("plan.json") is None
    with pytest.raises(DamagedError, match="is not a file"):
        store.read("a.rows")
