"""Training behind the encoder: every scheme learns, moves what it should, and a kill changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from phy.channels.fading import Rician
from semantic.conventions import CODED_FEATURES
from semantic.link.network import RATIOS, LinkNetwork
from semantic.link.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL, Protocol
from semantic.link.selector import Plan
from semantic.losses import TASKS, TaskWeights
from semantic.tasks import TaskPerformers
from semantic.training.calibration import calibrate_thresholds
from semantic.training.fde import ReceivedFeatures, fde_loss, only_fde
from semantic.training.labels import Labels
from semantic.training.link import (
    measure_importance,
    scale_of,
    train_complete,
    train_scheme,
)
from semantic.training.loop import LinkData, LinkRecipe
from semantic.training.round_trip import (
    harq_round_trip,
    play,
    retransmission_request,
    sending_order,
    transmit_slot,
)
from simulator.training.channel import training_channel

VEHICLES, PER_VEHICLE = 4, 2
SEMHARQ = PROTOCOLS["semharq"]


class KilledError(Exception):
    """As good as a power cut."""


def toy_channel(
    features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Power control and white noise, no fading."""
    energy = features.square().sum(1, keepdim=True).clamp_min(1e-24)
    z = features * (sent.sum(1, keepdim=True) / energy).sqrt()
    weight = torch.full_like(z, 2 * 10 ** (snr_db / 10))
    return weight * z + weight.sqrt() * torch.randn(z.shape, generator=generator), weight


def toy_budget(snr_db: float) -> int:
    return 64


RECIPE = LinkRecipe(
    complete_steps=2,
    fde_steps=2,
    selected_steps=3,
    vehicles_per_batch=VEHICLES,
    images_per_vehicle=PER_VEHICLE,
    max_transmissions=2,
    fde_features=24,
)
#: A constant on all scores: the bound on the mutual information does not depend on it.
CANCELS = {"fde.statistic.bias"}


@pytest.fixture(scope="module")
def data() -> LinkData:
    """s of 6 vehicles, 4 images each: a place per vehicle and some scatter."""
    generator = torch.Generator().manual_seed(0)
    vehicle = torch.arange(24) // 4
    s = torch.rand(6, 1024, generator=generator)[vehicle]
    s = s + 0.1 * torch.rand(24, 1024, generator=generator)
    return LinkData(s, Labels(vehicle, vehicle % 10, vehicle % 3), toy_channel, toy_budget)


def fresh(protocol: Protocol = SEMHARQ, clean: TaskPerformers | None = None) -> LinkNetwork:
    torch.manual_seed(5)
    return LinkNetwork(6, detector=protocol.detector, clean=clean, thresholds=2)


def silent(step: int, terms: dict[str, float]) -> None:
    pass


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_scheme_moves_all_that_it_trains(name: str, data: LinkData, tmp_path: Path) -> None:
    network = fresh(PROTOCOLS[name])
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    seen: list[dict[str, float]] = []
    train_scheme(
        network,
        PROTOCOLS[name],
        data,
        RECIPE,
        tmp_path / "c.safetensors",
        lambda step, terms: seen.append(terms),
    )
    still = {n for n, p in network.named_parameters() if torch.equal(p, before[n])}
    assert still <= CANCELS
    link_terms = {"triplet", "vehicle", "color", "type", "channel"}
    if network.fde is None:
        assert [terms.keys() for terms in seen] == [link_terms] * 3
    else:
        assert [terms.keys() for terms in seen] == [{"fde"}] * 2 + [link_terms | {"fde"}] * 3


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "tasks"),
    [
        *((name, TASKS) for name in PROTOCOLS),
        *((SINGLE_TASK_PROTOCOL, (task,)) for task in TASKS),  # smsc-stc
    ],
)
def test_loss_of_every_scheme_falls(
    name: str, tasks: tuple[str, ...], data: LinkData, tmp_path: Path
) -> None:
    terms_of = {"reid": ("triplet", "vehicle"), "color": ("color",), "type": ("type",)}
    counted = {"channel", *(term for task in tasks for term in terms_of[task])}
    recipe = LinkRecipe(
        fde_steps=0,
        selected_steps=12,
        vehicles_per_batch=6,
        images_per_vehicle=4,
        snr_db=(8.0, 8.0),
        free_budget=0.0,
        task_weights=LinkRecipe().task_weights.only(tasks),
    )
    losses: list[float] = []

    def report(step: int, terms: dict[str, float]) -> None:
        losses.append(sum(terms[name] for name in counted))

    network = fresh(PROTOCOLS[name])
    network.scale.copy_(scale_of(data.s))
    train_scheme(network, PROTOCOLS[name], data, recipe, tmp_path / "c.safetensors", report)
    assert np.mean(losses[-3:]) < 0.85 * np.mean(losses[:3])


@pytest.mark.parametrize("task", TASKS)
def test_tasks_that_are_off_move_nothing_and_rank_nothing(
    task: str, data: LinkData, tmp_path: Path
) -> None:
    """Decoder and performer of a task move if and only if it is on; so does what it ranks by."""
    recipe = replace(RECIPE, task_weights=RECIPE.task_weights.only([task]))
    network = fresh(PROTOCOLS["smsc-fir"])
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    terms: list[dict[str, float]] = []
    train_complete(network, data, recipe, tmp_path / "c.safetensors", lambda _, t: terms.append(t))
    moved = {n for n, p in network.named_parameters() if not torch.equal(p, before[n])}
    kept = str(TASKS.index(task))
    for name in before:
        of_task = name.split(".")[2] if name.startswith("performers.") else kept
        assert (name in moved) == (of_task == kept), name
    assert recipe.importance_weights == tuple(
        w if t == task else 0.0 for t, w in zip(TASKS, (1.0, 0.125, 0.125), strict=True)
    )
    # Without its own weights a task could not tell features apart: deaf decoders rank by place.
    with torch.no_grad():
        for k, decoder in enumerate(network.performers.decoders):
            decoder.weight.mul_(float(str(k) == kept))
    generator = torch.Generator().manual_seed(0)
    order = measure_importance(
        network, data.s, toy_channel, generator, weights=recipe.importance_weights
    )
    assert order.tolist() != list(range(CODED_FEATURES))
    others = tuple(0.0 if w else 1.0 for w in recipe.importance_weights)
    order = measure_importance(network, data.s, toy_channel, generator, weights=others)
    assert order.tolist() == list(range(CODED_FEATURES))


def test_weights_of_some_tasks() -> None:
    weights = TaskWeights(1.0, 0.5, 0.25)
    assert weights.only(TASKS) == weights
    assert weights.only(["type", "reid"]) == TaskWeights(1.0, 0.0, 0.25)
    with pytest.raises(ValueError, match=r"unknown task 'colour'.*'color'"):
        weights.only(["reid", "colour"])
    with pytest.raises(ValueError, match="no task was given"):
        weights.only([])


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


def test_shared_performers_stay_as_they_are(data: LinkData, tmp_path: Path) -> None:
    clean = TaskPerformers(6).requires_grad_(False)
    before = {name: value.clone() for name, value in clean.state_dict().items()}
    network = fresh(clean=clean)
    train_complete(network, data, RECIPE, tmp_path / "a.safetensors", silent)
    train_scheme(network, SEMHARQ, data, RECIPE, tmp_path / "b.safetensors", silent)
    assert network.performers is clean
    assert all(torch.equal(v, before[n]) for n, v in clean.state_dict().items())
    assert not any(parameter.requires_grad for parameter in clean.parameters())


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
def test_link_goes_on_after_a_kill_as_if_nothing_had_been(data: LinkData, tmp_path: Path) -> None:
    def train(name: str, kill_at: int | None = None) -> LinkNetwork:
        def report(step: int, terms: dict[str, float]) -> None:
            if step == kill_at:
                raise KilledError

        network = fresh()
        train_complete(network, data, RECIPE, tmp_path / f"{name}.complete.safetensors", report)
        path = tmp_path / f"{name}.safetensors"
        return train_scheme(network, SEMHARQ, data, RECIPE, path, report)

    whole = train("whole")
    for kill_at in (1, 3):  # before the first checkpoint, and in the second stage
        with pytest.raises(KilledError):
            train("killed", kill_at)
    resumed = train("killed")
    for name, value in whole.state_dict().items():
        assert torch.allclose(value, resumed.state_dict()[name], rtol=1e-6, atol=1e-7), name
    assert sorted(whole.order.tolist()) == list(range(CODED_FEATURES))
    assert whole.order.tolist() != list(range(CODED_FEATURES))  # the ranking took place
    assert torch.allclose(whole.scale, data.s.square().mean(0).sqrt())


def test_ranking_puts_what_the_decoder_ignores_last(data: LinkData) -> None:
    network = fresh()
    ignored = torch.randperm(CODED_FEATURES, generator=torch.Generator().manual_seed(0))[:300]
    with torch.no_grad():
        network.jsc_decoder.hidden.weight[:, ignored] = 0  # its estimate
    order = measure_importance(network, data.s, toy_channel, torch.Generator().manual_seed(0))
    assert set(order[-300:].tolist()) == set(ignored.tolist())


def test_what_each_protocol_sends() -> None:
    """Two slots of 99: new ones, the same ones, or half of each; by importance or from the front."""
    network = fresh().eval()
    network.order.copy_(torch.randperm(CODED_FEATURES, generator=torch.Generator().manual_seed(3)))
    f = torch.randn(5, CODED_FEATURES, generator=torch.Generator().manual_seed(4))
    first = set(network.order[:99].tolist())
    for name, protocol in PROTOCOLS.items():
        net = fresh(protocol).eval()
        net.order.copy_(network.order)
        generator = torch.Generator().manual_seed(0)
        one, two = (
            play(net, protocol, f, 0.0, 99, slots, toy_channel, generator) for slots in (1, 2)
        )
        begun = [set(row.tolist()) for row in one.latest.position]
        if protocol.order == "random":
            assert len({frozenset(row) for row in begun}) == 5
            continue
        front = first if protocol.order == "importance" else set(range(99))
        assert begun == [front] * 5, name
        shared = [len(front & set(row.tolist())) for row in two.latest.position]
        again = {"none": 0, "all": 99, "distorted": 50}[protocol.retransmit]
        assert shared == [again] * 5, name


def test_random_orders_are_permutations() -> None:
    f, generator = torch.zeros(3, CODED_FEATURES), torch.Generator().manual_seed(0)
    order = sending_order(fresh(), PROTOCOLS["smsc-random"], f, 0.0, generator)
    assert torch.equal(order.sort(1).values, torch.arange(CODED_FEATURES).expand(3, -1))


def test_half_of_what_was_sent_is_asked_for_again(data: LinkData) -> None:
    network = fresh().eval()
    f = network.encode(data.s)
    backwards = network.order.flip(0)
    plan = Plan.empty(24).next(backwards, None, CODED_FEATURES - 30)
    plan = plan.next(network.order, None, 100)  # room for 100, only 30 are left
    generator = torch.Generator().manual_seed(0)
    buffer, _ = transmit_slot(f, network.empty_buffer(24), plan, 0.0, toy_channel, generator)
    assert plan.selection is not None
    asked = retransmission_request(network, SEMHARQ, buffer, plan.selection, f)
    assert asked is not None
    assert asked.sum(1).tolist() == [16] * 24  # those at the lower median or above
    assert not (asked & ~plan.selection.sent).any()


def test_the_genie_asks_for_the_largest_errors() -> None:
    protocol = PROTOCOLS["semharq-oracle"]
    network = fresh(protocol).eval()
    f = torch.randn(4, CODED_FEATURES, generator=torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(0)
    played = play(network, protocol, f, 0.0, 60, 1, toy_channel, generator)
    asked = retransmission_request(network, protocol, played.buffer, played.latest, played.sent)
    assert asked is not None
    error = (played.buffer.received() - played.sent).abs().gather(1, played.latest.position)
    assert error[asked].min() > 0
    assert (error.masked_fill(~asked, 9e9).amin(1) >= error.masked_fill(asked, 0).amax(1)).all()


def test_gradient_stays_finite_when_there_is_nothing_left_to_send(data: LinkData) -> None:
    protocol = PROTOCOLS["ik-s-harq"]
    network = fresh(protocol).train()
    channel = training_channel(Rician(), "cpu")
    generator = torch.Generator().manual_seed(0)
    s_hat, outputs = harq_round_trip(network, protocol, data.s, 0.0, 600, 4, channel, generator)
    (s_hat.sum() + outputs.vehicle.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.jsc_encoder.parameters())


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


@pytest.mark.parametrize("name", ["ik-s-harq", "semharq"])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_batch_statistics_stand_still_when_told_to(
    name: str, share: float, data: LinkData, tmp_path: Path
) -> None:
    network = fresh(PROTOCOLS[name])
    norms = (network.jsc_encoder.norm, network.jsc_decoder.norm)
    before = [(norm.running_mean.clone(), norm.running_var.clone()) for norm in norms]
    recipe = replace(RECIPE, fixed_statistics=share)
    train_scheme(network, PROTOCOLS[name], data, recipe, tmp_path / "c.safetensors", silent)
    for norm, (mean, variance) in zip(norms, before, strict=True):
        assert torch.equal(norm.running_mean, mean) == (share == 0.0)
        assert torch.equal(norm.running_var, variance) == (share == 0.0)
