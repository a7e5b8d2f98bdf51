"""Training of F: it moves F alone, its loss falls, and F maximizes what it is given."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from toy_link import CANCELS, SEMHARQ, fresh, silent, toy_budget, toy_channel, toy_data

from semantic.link.network import RATIOS
from semantic.link.protocol import PROTOCOLS
from semantic.link.selector import Plan
from semantic.training.calibration import calibrate_thresholds
from semantic.training.fde import ReceivedFeatures, fde_loss, only_fde
from semantic.training.link import train_scheme
from semantic.training.loop import LinkData, LinkRecipe
from semantic.training.round_trip import transmit_slot


@pytest.fixture(scope="module")
def data() -> LinkData:
    return toy_data()


def test_only_fde_leaves_the_rest_alone(data: LinkData, tmp_path: Path) -> None:
    network = fresh().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    alone = LinkRecipe(fde_steps=2, selected_steps=0, vehicles_per_batch=4, fde_features=24)
    train_scheme(network, SEMHARQ, data, alone, tmp_path / "c.safetensors", silent)
    moved = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert moved | CANCELS == {name for name in before if name.startswith("fde.")}
    network.train()
    with only_fde(network):
        assert [n for n, m in network.named_children() if m.training] == ["fde"]
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(module.training for module in network.modules())


def test_a_scheme_with_f_moves_its_coder_as_one_without(data: LinkData, tmp_path: Path) -> None:
    """So that training with f complete can be shared, and F can neither help nor harm it."""
    recipe = LinkRecipe(fde_steps=0, selected_steps=2, vehicles_per_batch=4, max_transmissions=1)
    with_f, without = fresh(), fresh(PROTOCOLS["ik-s-harq"])
    without.load_state_dict(
        {n: v for n, v in with_f.state_dict().items() if not n.startswith("fde.")}
    )
    train_scheme(with_f, SEMHARQ, data, recipe, tmp_path / "a.safetensors", silent)
    train_scheme(without, PROTOCOLS["ik-s-harq"], data, recipe, tmp_path / "b.safetensors", silent)
    for name, value in without.state_dict().items():
        assert torch.equal(value, with_f.state_dict()[name]), name


@pytest.mark.parametrize("name", ["semharq", "semharq-csi"])
def test_fde_loss_reaches_all_of_the_fde_network(name: str, data: LinkData) -> None:
    network = fresh(PROTOCOLS[name]).eval()
    generator = torch.Generator().manual_seed(0)
    with only_fde(network):
        fde_loss(
            network, PROTOCOLS[name], data.s, 0.0, 40, 2, toy_channel, generator, 1.0
        ).backward()
    reached = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached | CANCELS == {n for n, _ in network.named_parameters() if n.startswith("fde.")}


@pytest.mark.integration
def test_fde_loss_falls(data: LinkData, tmp_path: Path) -> None:
    recipe = LinkRecipe(fde_steps=15, selected_steps=0, vehicles_per_batch=6, fde_features=24)
    network = fresh().eval()

    def loss() -> float:
        generator = torch.Generator().manual_seed(1)
        found = fde_loss(network, SEMHARQ, data.s, 2.0, 24, 2, toy_channel, generator, 1.0)
        return float(found.detach())

    before = loss()
    train_scheme(network, SEMHARQ, data, recipe, tmp_path / "c.safetensors", silent)
    assert loss() < before - 0.02


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_f_maximises_what_it_is_given(sign: float, data: LinkData, tmp_path: Path) -> None:
    """Given d itself, or -d, F finds more, or less, distorted."""
    recipe = LinkRecipe(fde_steps=10, selected_steps=0, vehicles_per_batch=6, fde_features=24)
    received: list[ReceivedFeatures] = []

    def information(batch: ReceivedFeatures) -> Tensor:
        received.append(batch)
        return 10 * sign * batch.network.distortion(batch.buffer).mean()

    network, path = fresh(), tmp_path / "c.safetensors"
    train_scheme(network, SEMHARQ, data, recipe, path, silent, information)
    with torch.no_grad():
        before, after = (
            float(link.distortion(received[0].buffer).mean()) for link in (fresh(), network)
        )
    assert sign * (after - before) > 0.05


@pytest.mark.integration
@pytest.mark.parametrize("name", ["semharq", "semharq-no-fde", "semharq-csi", "semharq-oracle"])
def test_calibrated_thresholds_ask_for_their_share(name: str, data: LinkData) -> None:
    protocol = PROTOCOLS[name]
    network = fresh(protocol).eval()
    if network.fde is not None:
        with torch.no_grad():
            network.fde.judge.weight *= 5  # a network with opinions
    s = data.s.repeat(4, 1)
    calibrate_thresholds(network, protocol, s, toy_channel, toy_budget)
    assert bool((network.threshold.diff(dim=0) < 0).all())  # the more, the lower
    for ratio in RATIOS:
        for snr_db in network.threshold_snr_db.tolist():
            generator = torch.Generator().manual_seed(99)
            plan, buffer, request = Plan.empty(len(s)), network.empty_buffer(len(s)), None
            shares, threshold = [], network.threshold_at(snr_db, ratio)
            with torch.inference_mode():
                f = network.encode(s)
                for _ in range(4):
                    plan = plan.next(network.order, request, 64)
                    buffer, slot = transmit_slot(f, buffer, plan, snr_db, toy_channel, generator)
                    latest = slot.selection
                    energy = latest.gather(f).square().sum(1, keepdim=True)
                    z = latest.spread(latest.gather(f) * (64 / energy).sqrt())
                    d = network.distortion(buffer, z).gather(1, latest.position)
                    requested = (d >= threshold) & latest.sent
                    shares.append(
                        float((requested.sum(1) / latest.sent.sum(1).clamp_min(1)).mean())
                    )
                    request = requested
            assert np.mean(shares) == pytest.approx(ratio, abs=0.08)
