"""An encoder is opened once for all runs of a process, and again when its file or use changes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from semantic.weights.files import write_tensors
from semantic.weights.stored import EncoderBundle
from simulator.setup.networks import Networks
from simulator.spec import RunSpec


@pytest.fixture
def weights(tiny_weights: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_weights, tmp_path / "weights"))


def opened(weights: Path, **settings: object) -> EncoderBundle:
    spec = replace(RunSpec(weights=str(weights)), **settings)  # type: ignore[arg-type]
    return Networks(spec, "cpu").encoder


def write_anew(file: Path, number: float) -> None:
    """Writes a file of the same size with other numbers."""
    with safe_open(file, framework="pt") as whole:
        tensors = {name: whole.get_tensor(name) for name in whole.keys()}  # noqa: SIM118
        metadata = whole.metadata()
    name = "encoder.features.norm5.bias"
    write_tensors(file, tensors | {name: tensors[name] + number}, metadata)


def test_runs_share_one_encoder(weights: Path) -> None:
    first = opened(weights)
    assert opened(weights, snr_db=(3.0,)) is first
    assert opened(weights / "encoder.safetensors") is first
    assert not any(value.requires_grad for value in first.network.parameters())


def test_a_later_run_may_ask_for_gradients(weights: Path) -> None:
    with torch.inference_mode():
        opened(weights)
    x = torch.zeros(1, 3, 32, 32, requires_grad=True)
    opened(weights).network(x).sum().backward()
    assert x.grad is not None


def test_a_file_that_is_written_anew_is_opened_again(weights: Path) -> None:
    file, found = weights / "encoder.safetensors", [opened(weights)]
    size = file.stat().st_size
    for number in (1.0, 2.0, 3.0):
        write_anew(file, number)
        assert file.stat().st_size == size
        found.append(opened(weights))
    assert len({bundle.hashes["encoder.safetensors"] for bundle in found}) == len(found)


def test_each_precision_has_an_encoder_of_its_own(weights: Path) -> None:
    exact = opened(weights)
    before = {name: value.clone() for name, value in exact.network.state_dict().items()}
    rounded = opened(weights, precision="bf16")
    assert rounded.network is not exact.network
    assert opened(weights) is exact
    after = exact.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_what_a_users_scheme_writes_into_its_copy_stays_there(weights: Path) -> None:
    networks = Networks(RunSpec(weights=str(weights)), "cpu")
    own = networks.apart("mine", copied=True)
    with torch.no_grad():
        for value in own.encoder.network.parameters():
            value.zero_()
    assert opened(weights) is networks.encoder
    assert any(bool(value.any()) for value in networks.encoder.network.parameters())
