"""deepjscc: what it sends, what arrives, and its training from images to weights."""

import csv
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

import simulator.training.command
from phy.channel import Received
from phy.channels.fading import Awgn, Rician
from phy.streams import Streams
from semantic.data.opening import open_dataset
from semantic.deepjscc.network import DeepJsccNetwork, latent_shape, to_pixels
from semantic.training.deepjscc import resized
from semantic.training.encoder import one_cycle_rate
from semantic.training.loop import LinkRecipe
from semantic.weights.deepjscc import deepjscc_file, load_deepjscc, save_deepjscc
from semantic.weights.files import WeightsError, read_weights
from simulator.cli import main
from simulator.encoded_dataset import EncodedDataset
from simulator.ledger import Ledger
from simulator.link import run_link
from simulator.schemes.deepjscc import DeepJscc, from_uses, to_uses
from simulator.setup.networks import Networks
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.training.channel import latent_channel
from simulator.training.presets import Preset, presets

IMAGES, CHANNELS = 6, 4
SLOT = Slot(0.0, 1e-3, 0.1e6)


@pytest.fixture(scope="module")
def scheme() -> DeepJscc:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = DeepJsccNetwork(CHANNELS).requires_grad_(False).eval()
    return DeepJscc(network)


@pytest.fixture(scope="module")
def encoded(tiny_weights: Path, folder_data: Path) -> EncodedDataset:
    networks = Networks(RunSpec(weights=str(tiny_weights)), "cpu")
    images = open_dataset(str(folder_data)).subset(np.arange(IMAGES))
    return EncodedDataset(images, networks.encoder, "cpu", lambda what, done, total: None)


def send(
    scheme: DeepJscc, encoded: EncodedDataset, slot: Slot, rows: np.ndarray
) -> tuple[list[Tensor], Ledger]:
    with torch.inference_mode():
        payload = scheme.encode(encoded, rows)
    outputs, ledger = run_link(
        scheme, payload, Rician(), slot, Streams(0, "cell", rows), 4,
        sent_images=lambda some: encoded.pixels(rows[some]),
    )  # fmt: skip
    return list(outputs), ledger


def test_the_network_is_that_of_the_paper() -> None:
    network = DeepJsccNetwork(CHANNELS)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    assert [(m.out_channels, m.stride[0]) for m in layers] == [
        *((16, 2), (32, 2), (32, 1), (32, 1), (CHANNELS, 1)),
        *((32, 1), (32, 1), (32, 1), (16, 2), (3, 2)),
    ]
    assert {m.kernel_size for m in layers} == {(5, 5)}
    assert sum(isinstance(m, nn.PReLU) for m in network.modules()) == 9
    pixels = torch.randint(0, 256, (2, 32, 48, 3), dtype=torch.uint8)
    latent = network.latent(pixels)
    assert latent.shape == (2, CHANNELS, 8, 12)
    image = network.image(latent)
    assert image.shape == (2, 3, 32, 48)
    assert to_pixels(image).shape == pixels.shape
    with pytest.raises(ValueError, match="no images of 30 pixels, the size must be a multiple"):
        latent_shape(CHANNELS, 30)


@pytest.mark.parametrize("values", [6, 7])
def test_without_noise_the_values_arrive_up_to_their_power(values: int) -> None:
    latent = torch.randn(3, values)
    x = to_uses(latent)
    assert x.shape == (3, -(-values // 2))
    torch.testing.assert_close(x.abs().square().mean(1), torch.ones(3))
    received = Received(2j * x, torch.full_like(x, 2j), torch.zeros(1, 1))
    scale = (x.shape[1] / latent.square().sum(1, keepdim=True)).sqrt()
    torch.testing.assert_close(from_uses(received, values), latent * scale)
    lost = Received(0 * x, 0 * x, torch.ones(1, 1))
    assert not from_uses(lost, values).any()


def test_training_and_run_share_the_channel() -> None:
    """At 200 dB the channel of the training gives what `from_uses` gives without noise."""
    latent = torch.randn(4, 10)
    got = latent_channel(Awgn())(latent, 100.0, torch.Generator().manual_seed(0))
    x = to_uses(latent)
    clean = from_uses(Received(x, torch.ones_like(x), torch.zeros(1, 1)), 10)
    torch.testing.assert_close(got, clean, atol=1e-4, rtol=0)


def test_an_image_is_one_burst_without_feedback(scheme: DeepJscc, encoded: EncodedDataset) -> None:
    uses = CHANNELS * 32 * 32 // 32
    _, ledger = send(scheme, encoded, SLOT, np.arange(IMAGES))
    assert (ledger.channel_uses == uses).all()
    assert (ledger.transmissions == 1).all()
    assert (ledger.slots == -(-uses // SLOT.resources)).all()
    assert ledger.energy.numpy() == pytest.approx(uses, rel=1e-5)
    assert (ledger.information_bits == 0).all()
    assert ledger.compared.all()
    limited = replace(SLOT, budget="uses")
    assert 4 * limited.features < uses
    _, cut = send(scheme, encoded, limited, np.arange(IMAGES))
    assert (cut.channel_uses == 4 * limited.features).all()


def test_company_changes_no_number(scheme: DeepJscc, encoded: EncodedDataset) -> None:
    together, costs = send(scheme, encoded, SLOT, np.arange(IMAGES))
    for rows in (np.array([2]), np.array([5, 0, 3])):
        alone, its_costs = send(scheme, encoded, SLOT, rows)
        for whole, part in zip(
            [*together, *vars(costs).values()], [*alone, *vars(its_costs).values()], strict=True
        ):
            assert torch.equal(whole[rows], part)


def test_weights_are_small_and_name_their_training(tmp_path: Path) -> None:
    network = DeepJsccNetwork(64)
    save_deepjscc(tmp_path / deepjscc_file(64), network, {})
    assert (tmp_path / deepjscc_file(64)).stat().st_size < 4e6
    loaded, hashes = load_deepjscc(64, str(tmp_path))
    assert [*hashes] == ["deepjscc-c64.safetensors"]
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=1e-3, rtol=1e-3)
    with pytest.raises(WeightsError, match=r"train --scheme deepjscc --scheme-arg channels=3 "):
        load_deepjscc(3, str(tmp_path))


def test_training_images_are_resized() -> None:
    pixels = torch.zeros(1, 8, 8, 3, dtype=torch.uint8)
    pixels[:, :, 4:] = 200
    half = resized(pixels, 4)
    assert half.shape == (1, 4, 4, 3)
    assert half[0, 0, :, 0].tolist() == pytest.approx([0, 22, 178, 200], abs=3)
    assert resized(pixels, 8) is pixels


def tiny(images: int) -> dict[str, Preset]:
    batch: dict[str, Any] = {"vehicles_per_batch": 4, "images_per_vehicle": 2}
    preset = presets(images)["synthetic"]
    recipes = {name: replace(getattr(preset, name), **batch) for name in ("encoder", "performers")}
    return {
        "synthetic": replace(preset, image_size=32, link=LinkRecipe(1, 1, 6, **batch), **recipes)
    }


def interrupted_at(step: int) -> Callable[..., float]:
    def rate(number: int, *others: Any) -> float:
        if number == step:
            signal.raise_signal(signal.SIGINT)
        return one_cycle_rate(number, *others)

    return rate


@pytest.mark.integration
def test_it_is_trained_stopped_resumed_and_run(
    folder_data: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulator.training.command, "presets", tiny)
    data = tmp_path / "train"
    shutil.copytree(folder_data, data)
    rows = [*csv.DictReader((data / "labels.csv").open())]
    with (data / "labels.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, [*rows[0]])
        table.writeheader()
        table.writerows({**row, "split": "train"} for row in rows)
    line = ["train", "--scheme", "deepjscc", "--scheme-arg", f"channels={CHANNELS}", "--quiet"]
    line += ["--data", str(data), "--encoder", str(tiny_weights / "encoder.safetensors")]
    line += ["--device", "cpu", "--out"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    done = CliRunner().invoke(main, [*line, str(whole)])
    assert done.exit_code == 0, done.output
    name = deepjscc_file(CHANNELS)
    assert not list(whole.glob("s-*.npy")), "it is trained on pixels alone"
    # Tests that run in the background of a shell ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr("semantic.training.loop.one_cycle_rate", interrupted_at(3))
        assert CliRunner().invoke(main, [*line, str(parts)]).exit_code == 130
    signal.signal(signal.SIGINT, before)
    assert not (parts / name).exists()
    assert CliRunner().invoke(main, [*line, str(parts)]).exit_code == 0
    (state, config), (resumed, _) = read_weights(whole / name), read_weights(parts / name)
    assert all(torch.equal(resumed[key], value) for key, value in state.items())
    assert (config["channels"], config["image_size"]) == (CHANNELS, 32)
    other = CliRunner().invoke(main, [*line, str(parts), "--seed", "1"])
    assert "was trained with another --seed" in other.stderr
    run = ["--scheme", "deepjscc,perfect", "--scheme-arg", f"channels={CHANNELS}", "--snr", "3"]
    run += ["--data", str(folder_data), "--weights", str(whole), "--image-quality", "--quiet"]
    done = CliRunner().invoke(main, [*run, "--engine", "inline", "--out", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    images = pd.read_parquet(tmp_path / "run" / "images.parquet").set_index("scheme")
    assert (images.loc["deepjscc", "bandwidth_ratio"] == CHANNELS / 96).all()
    assert images.loc["deepjscc", "psnr_db"].between(3, 30).all()
    assert images.loc["perfect", ["psnr_db", "ssim", "ebn0_db"]].isna().all(axis=None)
    assert (images.loc["perfect", "bandwidth_ratio"] == 0).all()
    curve = pd.read_csv(tmp_path / "run" / "curve.csv")
    assert set(curve[curve["metric"] == "psnr_db"]["scheme"]) == {"deepjscc"}
