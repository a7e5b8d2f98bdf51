"""The learned stack and where its weights are looked for."""

import shutil
from pathlib import Path

import pytest
import torch

from semantic.link.network import LinkNetwork
from semantic.link.protocol import Detector
from semantic.tasks import TaskPerformers
from semantic.weights.files import WeightsError, round_to_four_bits
from semantic.weights.stored import load_encoder, load_link, save_link, weights_path


def test_weights_of_a_directory_and_of_a_file_beside_its_neighbors(tiny_weights: Path) -> None:
    encoder, link = tiny_weights / "encoder.safetensors", tiny_weights / "semharq.safetensors"
    for given in (tiny_weights, encoder, link):
        assert weights_path(str(given), "encoder") == encoder
        assert weights_path(str(given), "semharq") == link


def test_a_file_of_any_name_is_the_schemes(tiny_weights: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_weights / "encoder.safetensors", tmp_path)
    mine = tmp_path / "mine.safetensors"
    shutil.copy(tiny_weights / "semharq.safetensors", mine)
    assert weights_path(str(mine), "semharq") == mine
    clean = load_encoder(str(tmp_path)).network.performers
    network, hashes = load_link("semharq", clean, str(mine))
    assert hashes.keys() == {"mine.safetensors"}
    assert not network.training


@pytest.mark.parametrize("name", ["encoder", "semharq"])
def test_missing_weights_name_the_command_that_makes_them(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        WeightsError, match=r"does not exist; `simulate train .*--data DIR"
    ) as caught:
        weights_path(str(tmp_path), name)
    assert str(tmp_path / f"{name}.safetensors") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_encoder_and_link_are_not_confused(tiny_weights: Path, tmp_path: Path) -> None:
    encoder, link = tiny_weights / "encoder.safetensors", tiny_weights / "semharq.safetensors"
    shutil.copy(link, tmp_path / "encoder.safetensors")
    shutil.copy(encoder, tmp_path / "semharq.safetensors")
    with pytest.raises(WeightsError, match="holds no encoder"):
        load_encoder(str(tmp_path))
    with pytest.raises(WeightsError, match="holds no link network"):
        load_link("semharq", TaskPerformers(20), str(tmp_path))


def test_loading_gives_what_was_saved(tiny_weights: Path) -> None:
    loaded = load_encoder(str(tiny_weights))
    assert loaded.config["image_size"] == 32
    assert loaded.network.performers.identities == 20
    assert not any(p.requires_grad for p in loaded.network.parameters())


#: Every pair of a detector, a buffer and shared performers or not; each kind takes two seconds.
KINDS = [
    (detector, buffer, (i + j) % 2 == 0)
    for i, detector in enumerate(("fde", "fde-csi", "received", "oracle", None))
    for j, buffer in enumerate(("combine", "concatenate"))
]


@pytest.mark.integration
@pytest.mark.parametrize(("detector", "buffer", "shared"), KINDS)
def test_every_kind_of_link_comes_back(
    tmp_path: Path, buffer: str, detector: Detector | None, shared: bool
) -> None:
    clean = TaskPerformers(3).requires_grad_(False)
    link = LinkNetwork(3, buffer, detector, clean if shared else None, thresholds=2).eval()
    link.threshold.copy_(torch.tensor([[0.25, 0.75], [0.3, 0.1], [0.2, 1 / 3]]))
    round_to_four_bits(link)  # as it is done before a link is stored
    save_link(tmp_path / "x.safetensors", link, {})
    back, _ = load_link("x", clean, str(tmp_path))
    assert (back.fde is not None) == (detector in ("fde", "fde-csi"))
    assert (back.performers is clean) == shared
    s = torch.rand(2, 1024)
    assert torch.equal(back.encode(s), link.encode(s))
    assert torch.equal(back.order, link.order)
    assert torch.equal(back.threshold, link.threshold)
    empty = back.empty_buffer(2)
    vehicle = link.decode(empty)[1].vehicle
    assert torch.equal(back.decode(empty)[1].vehicle, vehicle)


def test_threshold_is_linear_between_the_calibrated_points() -> None:
    link = LinkNetwork(3, thresholds=3)  # at -6, 1 and 8 dB
    middle = torch.tensor([0.2, 0.4, 0.8])
    link.threshold.copy_(torch.stack([middle + 0.1, middle, middle - 0.1]))
    assert [round(link.threshold_at(v), 6) for v in (-20.0, -6.0, -2.5, 1.0, 4.5, 8.0, 30.0)] == [
        *(0.2, 0.2, 0.3, 0.4, 0.6, 0.8, 0.8)
    ]
    ratios = (0.25, 0.375, 0.5, 0.75)
    assert [round(link.threshold_at(1.0, r), 6) for r in ratios] == [0.5, 0.45, 0.4, 0.3]


def test_encode_is_in_units_of_the_training_sets_scale() -> None:
    torch.manual_seed(0)
    link = LinkNetwork(3).eval()
    s = torch.rand(2, 1024)
    before = link.encode(s)
    link.scale.fill_(4.0)
    assert torch.allclose(link.encode(4 * s), before, atol=1e-5)
