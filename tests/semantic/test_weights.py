"""Weights on disk: what was saved comes back, and anything else is one clear line."""

import json
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from semantic.link.network import LinkNetwork
from semantic.tasks import TaskPerformers
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
from semantic.weights.settings import SETTINGS, settings_problem
from semantic.weights.stored import _stored_reading, load_encoder, load_link, load_plus
from semantic.weights.vq import load_vq

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
    loop, pickled, empty, deep, pairs = (
        tmp_path / f"{name}.safetensors" for name in ("loop", "pickled", "empty", "deep", "pairs")
    )
    loop.symlink_to(loop)
    torch.save({"x": torch.zeros(3)}, pickled)
    empty.write_bytes(bytes(8))
    save_file({"x": torch.zeros(3)}, deep, {"config": "[" * 100_000})
    save_file({"x": torch.zeros(3)}, pairs, {"config": '[["identities", 20]]'})
    for path, problem in (
        (tmp_path / "none.safetensors", "does not exist"),
        (tmp_path, "is no file"),
        (loop, "is no file"),
        (pickled, "not a safetensors file"),
        (empty, "not a safetensors file"),
        (deep, "not a JSON object"),
        (pairs, "not a JSON object"),
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


#: Values that no setting allows, beside those that only another type of setting allows.
ODD = (None, True, 0, -1, 1.5, 10**30, float("nan"), float("inf"), "", "x", [], ["x"], [1.5], {})
#: Settings that take some of them.
TEXTS = ("backbone", "encoder_sha256", "images_sha256", "data_sha256", "data", "channel", "scheme")
OBJECTS = ("recipe", "performers", "reading", "code", "scheme_args")
TAKEN = {
    "detector": [None],
    "shares_performers": [True],
    "bandwidth_hz": [1.5],
    **{name: ["", "x"] for name in TEXTS},
    **{name: [{}] for name in OBJECTS},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_of_a_file_has_a_type_and_limits(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x.safetensors"
    for value in ODD:
        save_file({"x": torch.zeros(3)}, path, {"config": json.dumps({name: value})})
        if any(value is taken or value == taken != 1 for taken in TAKEN.get(name, ())):
            assert settings_problem({name: value}) is None
            read_weights(path)
            continue
        with pytest.raises(WeightsError, match="its config has ") as caught:
            read_weights(path)
        assert f"{name} {value!r:.60}, it must be " in one_line(caught.value, path)


LINK = {"buffer": "combine", "detector": None, "shares_performers": True}


@pytest.fixture(scope="module")
def clean() -> TaskPerformers:
    return TaskPerformers(20)


@pytest.mark.parametrize(
    ("config", "change", "problem"),
    [
        ({"buffer": "combine", "shares_performers": True}, {}, "its config has no detector"),
        ({"buffer": "combine", "detector": None}, {}, "its config has no shares_performers"),
        (LINK | {"shares_performers": False}, {}, "its config has no identities"),
        (LINK | {"buffer": "heap"}, {}, "its config has buffer 'heap', it must be one of"),
        ({"identities": 20}, {}, "holds no link network"),
        (LINK, {"threshold": torch.zeros(3)}, r"threshold has the shape \[3\]"),
        (LINK, {"order": torch.zeros(1024, dtype=torch.int64)}, "each position of f once"),
        (LINK, {"order": torch.arange(1024.0)}, "order is of type torch.float32, it must be"),
        (LINK, {"order": torch.arange(8)}, "1 tensors differ, order"),
        (LINK, {"threshold_snr_db": torch.full((8,), torch.nan)}, "NaN in threshold_snr_db"),
        (LINK | {"identities": 10**7, "shares_performers": False}, {}, "does not fit"),
    ],
)
def test_a_link_that_is_none_is_refused_in_one_line(
    tmp_path: Path, clean: TaskPerformers, config: dict, change: dict, problem: str
) -> None:
    path = tmp_path / "semharq.safetensors"
    link = LinkNetwork(20, detector=None, clean=clean)
    state = {n: v for n, v in link.state_dict().items() if not n.startswith("performers.")}
    save_file(state | change, path, {"config": json.dumps(config)})
    with pytest.raises(WeightsError, match=problem) as caught:
        load_link("semharq", clean, str(tmp_path))
    one_line(caught.value, path)


@pytest.mark.parametrize(
    ("name", "config", "tensors", "problem"),
    [
        ("encoder", {"identities": 20}, {}, "holds no encoder"),
        ("encoder", {"identities": 10**7, "image_size": 96}, {}, "tensors differ"),
        ("encoder", {"identities": "20", "image_size": 96}, {}, "identities '20', it must be"),
        ("encoder", {"identities": 20, "image_size": 96, "backbone": "x"}, {}, "backbone 'x'"),
        ("semharq-plus", {"latent": 64}, {}, "its config has no shares_performers"),
        ("semharq-plus", {"latent": "64"}, {}, "latent '64', it must be"),
        ("digital-vq", {"stage_bits": [3]}, {"projection": torch.zeros(3)}, "has the shape"),
        ("digital-vq", {"stage_bits": ["3"]}, {"projection": torch.zeros(3, 2)}, "stage_bits"),
    ],
)
def test_other_networks_that_are_none_are_refused_in_one_line(
    tmp_path: Path, clean: TaskPerformers, name: str, config: dict, tensors: dict, problem: str
) -> None:
    path = tmp_path / f"{name}.safetensors"
    save_file({"x": torch.zeros(3)} | tensors, path, {"config": json.dumps(config)})
    load = {
        "encoder": lambda: load_encoder(str(tmp_path)),
        "semharq-plus": lambda: load_plus(clean, str(tmp_path)),
        "digital-vq": lambda: load_vq(clean, str(tmp_path)),
    }[name]
    with pytest.raises(ValueError, match=problem) as caught:
        load()
    one_line(caught.value, path)


@pytest.mark.parametrize(
    "packed", [torch.zeros(8, dtype=torch.uint8), torch.zeros(2, 64), torch.zeros(1)[0]]
)
def test_four_bits_of_another_form_are_refused(tmp_path: Path, packed: torch.Tensor) -> None:
    path = tmp_path / "net.safetensors"
    scale = torch.zeros(2, 4, dtype=torch.float16)
    save_file({"w.packed": packed, "w.scales": scale}, path, {"config": "{}"})
    with pytest.raises(WeightsError, match="holds w in four bits as torch"):
        read_weights(path)
