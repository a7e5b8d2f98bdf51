"""A part that writes into its inputs fails with one line, and changes no other number."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from phy.channel import Fading
from simulator import check_channel, check_codec, check_scheme
from simulator.codecs.image_codecs import ImageCodec
from simulator.read_only import ReadOnlyInputs
from simulator.setup.prepare import prepare
from simulator.snapshot import Snapshot
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run, run_spec

OWN = "writing_parts:writes"


@pytest.fixture(scope="module")
def spec(tiny_weights: Path, folder_data: Path) -> RunSpec:
    return RunSpec(
        schemes=(OWN, "perfect"),
        snr_db=(0.0, 9.0),
        channel="toy_parts:Rayleigh",
        data=str(folder_data),
        weights=str(tiny_weights),
        bandwidth_hz=4e6,
    )


@pytest.fixture(scope="module")
def undisturbed(spec: RunSpec) -> pd.DataFrame:
    return run_spec(spec).images


@pytest.mark.integration
@pytest.mark.parametrize(
    ("call", "way", "found"),
    [
        ("encode", "method", "encode writes into its input features.s"),
        ("encode", "numpy", "encode writes into its input features.s"),
        ("encode", "index", "encode writes into its input features.s"),
        ("labels", "index", "encode writes into its input color"),
        ("start", "method", "start writes into its input payload.tensors['s']"),
        ("transmit", "method", "transmit writes into its input payload.tensors['s']"),
        ("transmit", "numpy", "transmit writes into its input payload.tensors['s']"),
        ("transmit", "index", "transmit writes into its input payload.tensors['s']"),
        ("receive", "method", "receive writes into its input received.y"),
        ("receive", "numpy", "receive writes into its input received.y"),
        ("receive h", "index", "receive writes into its input received.h"),
        ("receive rx", "method", "receive writes into its input rx"),
        ("perform", "index", "perform writes into its input rx"),
        ("perform", "numpy", "perform writes into its input rx"),
        ("features", "numpy", "perform writes into its input features.s"),
    ],
)
def test_a_scheme_that_writes_fails_alone(
    spec: RunSpec, undisturbed: pd.DataFrame, call: str, way: str, found: str
) -> None:
    result = run_spec(replace(spec, scheme_args=(("call", call), ("way", way))))
    expected = undisturbed[undisturbed["scheme"] == "perfect"].reset_index(drop=True)
    rows = result.images
    assert rows[rows["scheme"] == "perfect"].reset_index(drop=True).equals(expected)
    assert {failure.cell for failure in result.failures} == {
        f"{OWN} 0 dB seed 0",
        f"{OWN} 9 dB seed 0",
    }
    assert all(found in failure.reason for failure in result.failures), result.failures
    assert all(f"scheme {OWN}: " in failure.reason for failure in result.failures)


@pytest.mark.parametrize("at_once", [False, True])
def test_a_scheme_that_writes_into_networks_changes_no_other_scheme(
    spec: RunSpec, undisturbed: pd.DataFrame, at_once: bool
) -> None:
    schemes = "writing_parts:writes_networks", "perfect"
    rows = run_spec(replace(spec, schemes=schemes, scheme_args=(("at_once", at_once),))).images
    expected = undisturbed[undisturbed["scheme"] == "perfect"].reset_index(drop=True)
    assert rows[rows["scheme"] == "perfect"].reset_index(drop=True).equals(expected)


@pytest.mark.integration
def test_a_scheme_that_does_not_write_gets_the_numbers_of_a_run_without_copies(
    spec: RunSpec, undisturbed: pd.DataFrame
) -> None:
    prepared = prepare(spec)
    assert isinstance(prepared.schemes[OWN], ReadOnlyInputs)
    bare = {**prepared.schemes, OWN: prepared.schemes[OWN].scheme}
    assert run(replace(prepared, schemes=bare)).images.equals(undisturbed)


@pytest.mark.parametrize(
    ("channel", "found"),
    [
        ("WritesX", "apply writes into its input x"),
        ("WritesH", "apply writes into its input h"),
        ("WritesState", "draw writes into its input state"),
    ],
)
def test_a_channel_that_writes_is_named(spec: RunSpec, channel: str, found: str) -> None:
    written = replace(spec, schemes=("toy_parts:plain",), channel=f"writing_parts:{channel}")
    with pytest.raises(ValueError, match=f"channel writing_parts:{channel}: {found}"):
        run_spec(written)
    report = check_channel(f"writing_parts:{channel}")
    assert "inputs x, h, state" in {finding.what for finding in report.failures}


def test_a_codec_that_writes_is_named() -> None:
    pixels = np.full((8, 8, 3), 7, np.uint8)
    with pytest.raises(
        ValueError, match=r"codec writing_parts:WritesPixels: encode writes .*pixels"
    ):
        ImageCodec("writing_parts:WritesPixels", 50).save(pixels, 50)
    assert (pixels == 7).all()
    assert not check_codec("writing_parts:WritesPixels").ok


@pytest.mark.parametrize("call", ["encode", "transmit", "receive", "perform"])
def test_the_check_does_not_pass_a_scheme_that_writes(spec: RunSpec, call: str) -> None:
    report = check_scheme(OWN, {"call": call}, spec.data, weights=spec.weights, bandwidth_hz=4e6)
    assert not report.ok
    assert "writes into its input" in str(report)


def test_a_snapshot_sees_every_kind_of_value_and_restores_it() -> None:
    with torch.inference_mode():
        x = torch.complex(torch.tensor([[1.0]]), torch.tensor([[float("nan")]]))
        values = {"a": x, "b": [np.arange(3)], "c": Fading(x.clone(), x.clone())}
        before = Snapshot(values=values, text="no array")
        assert before.restore() is None
        values["b"][0][1] = 9
        values["c"].pilots.zero_()
        assert before.restore() == "values['b'][0]"
        assert values["b"][0].tolist() == [0, 1, 2]
        assert before.restore() is None
