"""A scheme of one's own that learns: docs/examples/my_learned_scheme.py, trained and run."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result
from test_training_command import tiny, training_images
from torch import nn

import simulator
import simulator.training.command
from phy.channels.fading import Rician
from semantic.training.encoder import one_cycle_rate
from semantic.training.labels import Labels
from semantic.weights.files import file_hash, read_weights, write_tensors
from simulator import open_link
from simulator.checks.dispatch import recognize
from simulator.cli import main
from simulator.learned_scheme import LearnedScheme, TrainingBatch
from simulator.slots import Slot
from simulator.sweeps.sweep import run
from simulator.training.given_encoder import take_encoder
from simulator.training.own_scheme import (
    OwnTraining,
    loss_gradients,
    open_for_training,
    own_training,
    refuse_other_training,
)
from simulator.training.presets import Preset
from simulator.training.stage import Stage

__all__ = ["training_images"]  # a fixture
EXAMPLE = Path(simulator.__path__[0]).parent / "docs" / "examples" / "my_learned_scheme.py"
NAME = "my_learned_scheme:MyScheme"
STEPS = 6


def presets(images: int) -> dict[str, Preset]:
    preset = tiny(images)["synthetic"]
    return {"synthetic": replace(preset, link=replace(preset.link, selected_steps=STEPS))}


def simulate(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], prog_name="simulate")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's directory with the example."""
    shutil.copy(EXAMPLE, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(simulator.training.command, "presets", presets)
    yield tmp_path
    for name in ("my_learned_scheme", "bad", "faint", "gain_here"):
        sys.modules.pop(name, None)


@pytest.fixture
def train(here: Path, training_images: Path, tiny_weights: Path) -> list[object]:
    """The words of a training that takes an encoder up."""
    return [
        *("train", "--scheme", NAME, "--data", training_images, "--device", "cpu", "--quiet"),
        *("--encoder", tiny_weights / "encoder.safetensors"),
    ]


@pytest.mark.integration
def test_a_scheme_is_trained_stopped_resumed_and_run(
    train: list[object], here: Path, folder_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (here / EXAMPLE.name).read_text()  # with dropout, it draws random numbers of its own
    (here / EXAMPLE.name).write_text(text.replace("LeakyReLU()]", "LeakyReLU(), nn.Dropout()]"))
    done = simulate(*train, "--out", "weights", "--scheme-arg", "uses=16", "--channel", "awgn")
    assert done.exit_code == 0, done.output
    state, config = read_weights(here / "weights" / "my-scheme.safetensors")
    assert state["encode.1.weight"].shape == (32, 1024)
    assert (config["channel"], config["scheme_args"]) == ("awgn", {"uses": 16})
    again = [*train, "--out", "again", "--scheme-arg", "uses=16", "--channel", "awgn"]
    # Tests that run in the background of a shell ignore the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr("semantic.training.loop.one_cycle_rate", _interrupted_at(3))
        assert simulate(*again).exit_code == 130
    signal.signal(signal.SIGINT, before)
    assert (here / "again" / "my_learned_scheme.MyScheme.checkpoint.safetensors").exists()
    assert not (here / "again" / "my-scheme.safetensors").exists()
    assert simulate(*again).exit_code == 0
    assert simulate(*again).exit_code == 0  # finished: the same command has nothing to do
    refused = simulate(*again[:-1], "rayleigh")
    assert refused.exit_code == 2
    assert "my-scheme.safetensors was trained with another channel: give another --out" in (
        refused.stderr
    )
    reading = simulate(*again, "--reading", "equalizer=zf")
    assert reading.exit_code == 2
    assert "--buffer and --reading are for built-in schemes" in reading.stderr
    resumed, _ = read_weights(here / "again" / "my-scheme.safetensors")
    assert all(torch.equal(resumed[name], value) for name, value in state.items())
    _run_it(here, folder_data)


CHANNEL = """
from phy.channel import Channel
from gain_here import GAIN


class Faint(Channel):
    average_gain = GAIN**2

    def draw(self, streams, uses, state):
        return GAIN * streams.complex_normal(1), None
"""


@pytest.mark.integration
def test_a_training_over_an_own_channel_is_not_taken_up_with_another_one(
    train: list[object], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from its checkpoint nor when it is finished; a constant in another module counts."""
    (here / "faint.py").write_text(CHANNEL)
    line = [*train, "--out", "over", "--channel", "faint:Faint"]

    def with_gain(gain: float) -> Result:
        (here / "gain_here.py").write_text(f"GAIN = {gain}\n")
        for name in ("gain_here", "faint", "my_learned_scheme"):  # as a new process imports them
            sys.modules.pop(name, None)
        shutil.rmtree(here / "__pycache__", ignore_errors=True)
        return simulate(*line)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with monkeypatch.context() as patch:
        patch.setattr("semantic.training.loop.one_cycle_rate", _interrupted_at(3))
        assert with_gain(1.0).exit_code == 130
    signal.signal(signal.SIGINT, before)
    refused = with_gain(0.5)
    assert refused.exit_code == 2, refused.output
    assert "checkpoint.safetensors was written by a run with other settings (" in refused.stderr
    assert not (here / "over" / "my-scheme.safetensors").exists()
    assert with_gain(1.0).exit_code == 0
    finished = with_gain(0.5)
    assert finished.exit_code == 2
    assert "my-scheme.safetensors was trained with another code: give another" in finished.stderr


def _interrupted_at(step: int) -> Callable[..., float]:
    """The learning rate, with Ctrl-C during one step."""

    def rate(number: int, *others: Any) -> float:
        if number == step:
            signal.raise_signal(signal.SIGINT)
        return one_cycle_rate(number, *others)

    return rate


def _run_it(here: Path, data: Path) -> None:
    """A run of the trained scheme, and an image through an opened link."""
    fields: dict[str, Any] = {"data": str(data), "images": 10, "weights": "weights"}
    fields |= {"scheme_args": {"uses": 16}, "device": "cpu"}
    link = open_link(NAME, **fields)
    result = run(link._prepared)
    assert (result.images["channel_uses"] == 16).all()
    assert recognize(NAME) == "scheme"
    at = result.images.query("snr_db == 0 and image == 4")
    assert link.send(4, 0).energy == at["energy"].item()
    own = here / "weights" / "my-scheme.safetensors"
    assert result.hashes["my-scheme.safetensors"] == file_hash(own)
    with pytest.raises(ValueError, match=r"my-scheme\.safetensors does not fit this network"):
        open_link(NAME, **{**fields, "scheme_args": {"uses": 8}})
    own.unlink()
    with pytest.raises(ValueError, match=r"no weights 'my-scheme': .* makes it"):
        open_link(NAME, **fields)


@pytest.mark.integration
def test_an_encoder_of_another_training_is_not_mixed_in(
    tiny_weights: Path, here: Path, tmp_path: Path
) -> None:
    stage = Stage(tmp_path / "out", presets(0)["synthetic"], (), "cpu", print)
    take_encoder(tiny_weights, stage, None)
    copied = stage.out / "encoder.safetensors"
    assert file_hash(copied) == file_hash(tiny_weights / "encoder.safetensors")
    (here / "bad.py").write_text(
        "from my_learned_scheme import MyScheme\n\n\nclass Plain(MyScheme):\n"
        "    def __init__(self, networks):\n        pass\n"
    )
    with pytest.raises(ValueError, match="'bad:Plain' declares no network with parameters"):
        open_for_training(OwnTraining().spec("bad:Plain", stage), stage)
    (here / "bad.py").write_text(
        "from my_learned_scheme import Autoencoder, MyScheme\n\n\nclass Twice(MyScheme):\n"
        "    def __init__(self, networks):\n        for _ in range(2):\n"
        "            networks.trained(Autoencoder(2), 'twice')\n"
    )
    sys.modules.pop("bad")
    with pytest.raises(ValueError, match="two networks of a scheme are named 'twice'"):
        open_for_training(OwnTraining().spec("bad:Twice", stage), stage)
    (here / "bad.py").write_text(
        "from my_learned_scheme import MyScheme\n\n\nclass Lossless(MyScheme):\n"
        "    def training_loss(self):\n        return 0\n"
    )
    sys.modules.pop("bad")
    with pytest.raises(ValueError, match=r"Lossless': training_loss\(\) must take \(batch\)"):
        open_for_training(OwnTraining().spec("bad:Lossless", stage), stage)
    with pytest.raises(ValueError, match="'perfect' is a Perfect, it must be"):
        open_for_training(OwnTraining().spec("perfect", stage), stage)
    larger = replace(stage, preset=replace(stage.preset, image_size=96))
    with pytest.raises(ValueError, match="is of images of 32 pixels, the preset has 96"):
        take_encoder(tiny_weights, larger, None)
    other = tmp_path / "other"
    shutil.copytree(tiny_weights, other)
    state, config = read_weights(other / "encoder.safetensors")
    write_tensors(other / "encoder.safetensors", state, {"config": json.dumps({**config, "a": 1})})
    with pytest.raises(ValueError, match="is another encoder than"):
        take_encoder(other, stage, None)


class Gain(LearnedScheme):
    """The smallest learned scheme: one factor, and a loss that a test sets."""

    def __init__(self, loss: Callable[[Gain, TrainingBatch], Any]) -> None:
        self.network, self.loss = nn.Linear(1, 1, bias=False), loss

    def training_loss(self, batch: TrainingBatch) -> Any:
        return self.loss(self, batch)

    encode = start = transmit = receive = perform = None  # type: ignore[assignment]


def a_batch(uses: int = 50) -> tuple[TrainingBatch, torch.Tensor]:
    """64 images at 3 dB, and a burst of each."""
    labels = Labels(*(torch.zeros(64, dtype=torch.int64) for _ in range(3)))
    generator, slot = torch.Generator().manual_seed(5), Slot(3.0, 1e-3, 3e6)
    batch = TrainingBatch(torch.ones(64, 4), labels, slot, generator, Rician(k_factor=2))
    return batch, torch.ones(64, uses, dtype=torch.complex64, requires_grad=True)


def test_a_gradient_flows_through_the_channel_to_the_network() -> None:
    def loss(own: Gain, batch: TrainingBatch) -> dict[str, torch.Tensor]:
        received = batch.send(a_batch()[1].detach() * own.network.weight.tanh()[0])
        return {"power": received.y.abs().square().mean(), "zero": own.network.weight.sum() * 0}

    scheme = Gain(loss)
    terms = loss_gradients(scheme, a_batch()[0], scheme.network, "step 0")
    assert terms["zero"] == 0 < terms["power"]
    assert float(scheme.network.weight.grad.abs()) > 0  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["code", "data_sha256", "scheme_args", "recipe"])
def test_weights_of_another_training_are_refused_by_name(tmp_path: Path, key: str) -> None:
    path, about = tmp_path / "w.safetensors", {"code": {"a": "1"}, "data_sha256": "2"}
    about |= {"scheme_args": {"uses": 16}, "recipe": {"snr_db": (0, 1)}}
    write_tensors(path, {"x": torch.zeros(1)}, {"config": json.dumps(about)})
    refuse_other_training(path, about)
    with pytest.raises(ValueError, match=f"another {key}: give another --out"):
        refuse_other_training(path, {**about, key: "other"})


def test_arguments_of_ones_own_schemes_need_one() -> None:
    with pytest.raises(ValueError, match="--scheme-arg is for schemes of your own"):
        own_training("semharq,smsc-fir", (("a", 1),))
    assert own_training("semharq,a:B", (("a", 1),)).scheme_args == (("a", 1),)


def test_a_burst_of_a_training_obeys_the_law_of_the_channel() -> None:
    (batch, x), (same, _) = a_batch(), a_batch()
    first, second = batch.send(x), batch.send(x)
    assert not torch.equal(first.h, second.h)  # another transmission, other fading
    noise = (first.y - first.h * x).detach().abs().square().mean()
    assert float(noise) == pytest.approx(batch.slot.no, rel=4 / 3200**0.5)  # 4 standard deviations
    assert torch.equal(same.send(x).y, first.y)
