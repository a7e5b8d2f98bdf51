"""Weights on disk: what was saved comes back, and anything else is one clear line."""

import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from semantic.weights.files import (
    WeightsError,
    file_hash,
    load_into,
    read_weights,
    round_to_four_bits,
    save_in_four_bits,
    save_weights,
)
from semantic.weights.four_bits import from_four_bits, to_four_bits
from semantic.weights.stored import _stored_reading

CONFIG = {"identities": 20, "recipe": {"phases": [[64, 5]], "rate": 1e-3}}


def network(width: int = 6) -> nn.Sequential:
    torch.manual_seed(width)
    model = nn.Sequential(nn.Linear(5, width), nn.BatchNorm1d(width), nn.Linear(width, 3))
    model(torch.randn(40, 5))
    return model


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "deep" / "net.safetensors"
    save_weights(path, network(), CONFIG)
    return path


def one_line(error: BaseException, path: Path) -> str:
    text = str(error)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_round_trip(saved: Path) -> None:
    state, config = read_weights(saved)
    assert config == CONFIG
    original = network().state_dict()
    assert state.keys() == original.keys()
    for name, value in original.items():
        # matrices in half precision, everything else exactly
        expected = value.half().float() if value.ndim > 1 else value
        assert torch.equal(state[name], expected)
        assert state[name].dtype == value.dtype
    fresh = network()
    load_into(fresh, state, "net")
    assert torch.equal(fresh[0].weight, original["0.weight"].half().float())


def test_four_bits_lose_a_tenth_and_nothing_the_second_time(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(96, 64), nn.BatchNorm1d(64), nn.Linear(64, 5), nn.Linear(5, 2))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    round_to_four_bits(model)
    save_in_four_bits(tmp_path / "net.safetensors", model, CONFIG)
    state, config = read_weights(tmp_path / "net.safetensors")
    assert config == CONFIG
    assert state.keys() == before.keys()
    for name, value in model.state_dict().items():
        assert torch.equal(state[name], value)  # as it was rounded, so it is stored
        if name in ("0.weight", "2.weight"):
            # A step is a seventh of a block's largest number, which for 32 uniform ones is nearly
            # the end of the range: 1 / 7 / sqrt(12) over 1 / sqrt(3), 0.071.
            assert 0.05 < float((value - before[name]).norm() / before[name].norm()) < 0.08
        else:
            assert torch.equal(value, before[name])


def test_four_bits_of_gaussian_numbers_and_of_zeros() -> None:
    matrix = torch.randn(64, 128, generator=torch.Generator().manual_seed(0))
    matrix[3] = 0
    packed, scale = to_four_bits(matrix)
    assert packed.shape == (64, 64)
    assert scale.shape == (64, 4)
    back = from_four_bits(packed, scale)
    assert torch.equal(back[3], matrix[3])
    # 10 log10 of signal to error: the best uniform quantizer of 16 levels for Gaussian numbers has
    # 19.4 dB (Max 1960); 15 levels with a scale for each 32 numbers do no worse.
    assert 19.4 < -20 * torch.log10((back - matrix).norm() / matrix.norm()) < 22.5


def test_four_bits_without_scales_is_refused(tmp_path: Path) -> None:
    packed, scale = to_four_bits(torch.ones(2, 64))
    path = tmp_path / "net.safetensors"
    for tensors in ({"w.packed": packed}, {"w.packed": packed, "w.scales": scale[:, :1].clone()}):
        save_file(tensors, path, {"config": "{}"})
        with pytest.raises(WeightsError, match="without its scales") as error:
            read_weights(path)
        one_line(error.value, path)


def test_small_differences_between_thresholds_survive(tmp_path: Path) -> None:
    model = nn.Module()
    model.register_buffer("threshold", torch.tensor([0.99990, 0.99991, 1e-6]))
    save_weights(tmp_path / "t.safetensors", model, {})
    assert read_weights(tmp_path / "t.safetensors")[0]["threshold"].tolist() == (
        model.threshold.tolist()
    )


def test_saving_leaves_one_file_that_others_may_read(saved: Path) -> None:
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    assert stat.S_IMODE(saved.stat().st_mode) == 0o644


def test_saving_again_replaces_the_file(saved: Path) -> None:
    before = file_hash(saved)
    save_weights(saved, network(8), CONFIG)
    assert file_hash(saved) != before
    load_into(network(8), read_weights(saved)[0], "net")


def test_a_file_cut_off_anywhere(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in [*range(0, 12), *range(12, len(data), 61), len(data) - 1]:
        cut.write_bytes(data[:length])
        with pytest.raises(WeightsError) as caught:
            read_weights(cut)
        assert "truncated or not a safetensors file" in one_line(caught.value, cut)


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    text, bare, odd = (tmp_path / f"{name}.safetensors" for name in ("text", "bare", "odd"))
    text.write_text("these are no weights, whatever they are called\n" * 9)
    save_file({"x": torch.zeros(3)}, bare)
    save_file({"x": torch.zeros(3)}, odd, {"config": "[1, 2"})
    for path, problem in (
        (tmp_path / "none.safetensors", "does not exist"),
        (tmp_path, "does not exist"),
        (text, "not a safetensors file"),
        (bare, "carries no config"),
        (odd, "not a JSON object"),
    ):
        with pytest.raises(WeightsError) as caught:
            read_weights(path)
        assert problem in one_line(caught.value, path)


def test_weights_of_another_network(saved: Path) -> None:
    state, _ = read_weights(saved)
    with pytest.raises(WeightsError) as caught:
        load_into(network(7), state, str(saved))
    text = one_line(caught.value, saved)
    assert "7 tensors differ" in text
    assert "0.bias (file (6,), network (7,))" in text
    del state["0.bias"]
    with pytest.raises(WeightsError, match=r"1 tensors differ, 0.bias \(file None"):
        load_into(network(6), state, str(saved))
    with pytest.raises(WeightsError, match=r"extra \(file \(2,\), network None\)"):
        load_into(network(6), {**read_weights(saved)[0], "extra": torch.zeros(2)}, str(saved))


@pytest.mark.parametrize(
    ("stored", "problem"),
    [
        (["equalizer"], "no valid reading"),
        (None, "no valid reading"),
        ("zf", "no valid reading"),
        ({"equalizer": 1}, "no valid reading"),
        ({"equalizer": "qq"}, "equalizer 'qq'"),
        ({"nope": "zf"}, "unknown reading 'nope'"),
    ],
)
def test_a_reading_that_is_none_names_the_file(stored: object, problem: str) -> None:
    with pytest.raises(WeightsError, match=f"^weights/x.safetensors: .*{problem}"):
        _stored_reading(Path("weights/x.safetensors"), stored)
