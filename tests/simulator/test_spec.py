"""What a run is: parsing, checking, writing and reading it."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.spec import BANDWIDTH_HZ, SYNTHETIC_BANDWIDTH_HZ, RunSpec, parse_snr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-6:8:2", (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0, 8.0)),
        ("-6,0,6", (-6.0, 0.0, 6.0)),
        ("3", (3.0,)),
        ("-6:-4", (-6.0, -5.0, -4.0)),
        ("5:5:2", (5.0,)),
        ("0:1:0.1", tuple(round(0.1 * i, 9) for i in range(11))),
        ("-6:8:5", (-6.0, -1.0, 4.0)),
        ("1e1", (10.0,)),
    ],
)
def test_parse_snr(text: str, expected: tuple[float, ...]) -> None:
    assert parse_snr(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "1:2:0", "1:2:-1", "8:-6:2", "1:2:3:4", "1:", ":", "1,,2", "nan", "inf"),
        *("0:inf:1", "0:1:nan", "0:1e9:1e-9", "-6;8", "1e400"),
    ],
)
def test_parse_snr_refuses_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"START:STOP:STEP such as -6:8:2, or -6,0,6$") as caught:
        parse_snr(text)
    assert repr(text) in str(caught.value)


def test_minus_zero_is_zero() -> None:
    # the SNR's name is part of what the random numbers hang on
    assert repr(parse_snr("-0,1")) == repr(parse_snr("0,1"))
    assert repr(parse_snr("-2:0:2")) == "(-2.0, 0.0)"


@given(start=st.integers(-50, 50), count=st.integers(1, 60), step=st.sampled_from([0.1, 0.5, 2, 3]))
def test_a_range_holds_its_end_and_is_evenly_spaced(start: int, count: int, step: float) -> None:
    stop = round(start + (count - 1) * step, 6)
    found = parse_snr(f"{start}:{stop}:{step}")
    assert len(found) == count
    assert found[0] == start
    assert found[-1] == pytest.approx(stop, abs=1e-9)


FULL = RunSpec(
    schemes=("semharq", "perfect"),
    snr_db=(-6.0, 0.5),
    channel="rayleigh",
    channel_args=(("fading", "block"),),
    data="veri:somewhere",
    images=100,
    max_transmissions=32,
    budget="uses",
    gallery="clean",
    image_quality=True,
    seed=5,
    seeds=3,
    slot_s=2e-3,
    bandwidth_hz=1e6,
    impairments=(("csir_error", 0.1),),
    scheme_args=(("theta_0_db", 0.5),),
    weights="w",
    backbone="my_encoder:SmallCnn",
    trainings=("w/0", "w/1"),
    batch_size=16,
    device="cuda:1",
    precision="bf16",
    until="ci=1.0",
    max_seeds=7,
)


def test_every_field_differs_from_its_default_in_the_example() -> None:
    assert [f.name for f in fields(RunSpec) if getattr(FULL, f.name) == f.default] == []


@pytest.mark.parametrize("spec", [RunSpec(), FULL])
def test_json_round_trip(spec: RunSpec, tmp_path: Path) -> None:
    text = json.dumps(spec.to_json())
    assert RunSpec.from_json(json.loads(text)) == spec
    alone, record = tmp_path / "spec.json", tmp_path / "run.json"
    alone.write_text(text)
    record.write_text(json.dumps({"spec": json.loads(text), "versions": {}}))
    assert RunSpec.read(alone) == RunSpec.read(record) == spec


def test_whole_numbers_in_json_mean_the_same_snr() -> None:
    assert RunSpec.from_json({"snr_db": [0, 2]}).snr_db == (0.0, 2.0)
    assert repr(RunSpec.from_json({"snr_db": [0]}).snr_db) == "(0.0,)"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"snr_dB": [0]}', "unknown field 'snr_dB' in the spec: nearest: 'snr_db'"),
        ('{"seeds": "three"}', "seeds 'three' is not a whole number, it must be 1 to"),
        ('{"snr_db": 3}', "snr_db is 3, it must be a list"),
        ('{"snr_db": [null]}', "SNR in dB None is not a number"),
        ('{"spec": [1]}', "JSON object"),
        ('{"slot_s": "1"}', "slot_s '1' is not a number"),
        ('{"slot_s": null}', "slot_s None is not a number"),
        ('{"data": 5}', "data 5 is not allowed, it must be a data set"),
        ('{"schemes": "semharq"}', "schemes is 'semharq', it must be a list"),
        ('{"seed": 1' + "0" * 400 + "}", "seed of many digits is not allowed"),
        ('{"bandwidth_hz": 1' + "0" * 400 + "}", "bandwidth_hz of many digits is not allowed"),
        ('{"seed": 18446744073709551616}', "seed 18446744073709551616 is not allowed"),
        ('{"seed": 18446744073709551615, "seeds": 2}', "the last is 18446744073709551615"),
        ('{"channel_args": 5}', "channel_args is 5, it must be a table of arguments"),
        ('{"channel_args": {"k_factor": [1]}}', r"k_factor is \[1\], it must be a finite"),
        ("[" * 100000, "cannot be read"),
        ('{"seed": 1, "seed": 2}', "run.json cannot be read: the key 'seed' is given twice"),
        ('{"spec": {"channel_args": {"a": 1, "a": 2}}}', "the key 'a' is given twice"),
        ('{"spec": {}, "seed": 3}', "seed is beside the spec, it must be inside"),
        ("[1]", "holds no JSON object"),
        ("{", "cannot be read"),
    ],
)
def test_broken_files_are_one_line(content: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=problem) as caught:
        RunSpec.read(path)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.json cannot be read"):
        RunSpec.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"schemes": ("semharc",)}, "unknown scheme 'semharc': nearest: 'semharq'"),
        ({"schemes": ()}, "no scheme was given"),
        ({"schemes": ("perfect", "perfect")}, "scheme perfect is given twice"),
        ({"channel": "ricain"}, "unknown channel 'ricain': nearest: 'rician'"),
        ({"snr_db": ()}, "no SNR was given"),
        ({"snr_db": (0.0, 400.0)}, "SNR in dB 400.0 is not allowed, .* -100 to 100"),
        ({"snr_db": (float("nan"),)}, "SNR in dB nan"),
        ({"snr_db": (1.0, 2.0, 1.0)}, "SNR 1.0 is given twice"),
        ({"max_transmissions": 0}, "max_transmissions 0 is not allowed, .* 1 to"),
        ({"max_transmissions": 2.5}, r"max_transmissions 2\.5 is not a whole number"),
        ({"seeds": 0}, "seeds 0 is not"),
        ({"seed": -1}, "seed -1 is not allowed, .* 0 to"),
        ({"batch_size": 0}, "batch_size 0 is not"),
        ({"images": 0}, "images 0 is not allowed, .* 1 to"),
        ({"slot_s": -1e-3}, r"slot_s -0\.001 is not allowed, it must be between 0"),
        ({"bandwidth_hz": 0.0}, r"bandwidth_hz 0\.0 is not allowed, it must be between 0"),
        ({"bandwidth_hz": float("inf")}, "bandwidth_hz inf is not allowed"),
        (
            {"budget": "use"},
            "budget 'use' is not allowed, it must be slots or uses; nearest: 'uses'",
        ),
        ({"device": "cdua"}, "device 'cdua' is not allowed, it must be auto, cpu, cuda, cuda:0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_not_allowed_is_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        replace(RunSpec(), **changes)
    assert "\n" not in str(caught.value)


def test_parts_of_ones_own_are_left_to_the_import() -> None:
    assert RunSpec(schemes=("mine:scheme",), channel="mine:Channel").channel == "mine:Channel"


def test_bandwidth_preset_follows_the_data() -> None:
    assert RunSpec().bandwidth == SYNTHETIC_BANDWIDTH_HZ
    assert RunSpec(data="veri:x").bandwidth == BANDWIDTH_HZ == 20e6
    assert RunSpec(bandwidth_hz=1e6).bandwidth == 1e6


def test_fading_is_an_argument_of_the_channel_and_part_of_its_label() -> None:
    spec = RunSpec(channel_args=(("k_factor", 4),)).with_fading("block")
    assert spec.channel_label == "rician(fading=block,k_factor=4)"
    assert spec.with_fading("fast").channel_args == (("fading", "fast"), ("k_factor", 4))
    assert RunSpec().channel_label == "rician"


@pytest.mark.parametrize(
    "snr", [[0, 2], (0.0, 2.0), range(0, 3, 2), np.arange(0, 3, 2), np.float32([0, 2])]
)
def test_any_list_of_numbers_gives_snrs(snr: Any) -> None:
    spec = RunSpec.from_json({"snr_db": snr})
    assert spec.snr_db == (0.0, 2.0)
    assert all(type(value) is float for value in spec.snr_db)
