"""Training: it learns, it moves what it should, and a kill changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from phy.fading import Rician
from semantic.data.dataset import ImageFile, VehicleImages
from semantic.losses import TaskWeights
from semantic.model import LinkNetwork, MultiTaskNetwork
from semantic.selection import asked_ratio
from semantic.selector import LENGTH, Plan
from semantic.training.calibration import calibrate_thresholds
from semantic.training.checkpoint import load_checkpoint, save_checkpoint
from semantic.training.encoder import (
    EncoderRecipe,
    augment,
    one_cycle_rate,
    retrieval_losses,
    train_encoder,
)
from semantic.training.labels import Labels, training_labels
from semantic.training.link import (
    LinkRecipe,
    fde_loss,
    harq_round_trip,
    measure_importance,
    most_distorted,
    train_link,
    train_step,
    transmit_slot,
)
from semantic.training.sampler import PKSampler
from simulator.training import training_channel

VEHICLES, PER_VEHICLE = 4, 2


class KilledError(Exception):
    """As good as a power cut."""


# ---------------------------------------------------------------------------------------- encoder


@pytest.fixture(scope="module")
def pictures() -> tuple[np.ndarray, VehicleImages]:
    """8 pictures of 32x32: each vehicle has a colour of its own."""
    rng = np.random.default_rng(0)
    vehicle = np.repeat(np.arange(VEHICLES), PER_VEHICLE)
    paint = rng.integers(0, 256, (VEHICLES, 1, 1, 3))
    noise = rng.integers(-25, 26, (len(vehicle), 32, 32, 3))
    pixels = np.clip(paint[vehicle] + noise, 0, 255).astype(np.uint8)
    files = tuple(ImageFile(f"{i}.png", Path(f"{i}.png")) for i in range(len(vehicle)))
    camera = np.arange(len(vehicle))
    query = np.zeros(len(vehicle), dtype=bool)
    images = VehicleImages("made", files, 10 * vehicle, camera, vehicle, vehicle % 3, query)
    return pixels, images


ENCODER = EncoderRecipe(
    phases=((32, 9),), vehicles_per_batch=VEHICLES, images_per_vehicle=PER_VEHICLE
)


def test_encoder_loss_falls_and_validation_is_called(
    pictures: tuple[np.ndarray, VehicleImages], tmp_path: Path
) -> None:
    losses: list[float] = []
    validated: list[tuple[int, bool]] = []
    network = train_encoder(
        *pictures,
        ENCODER,
        tmp_path / "c.safetensors",
        lambda step, terms: losses.append(sum(terms.values())),
        validate=lambda net, step: validated.append((step, net.training)),
        checkpoint_every=6,
    )
    assert len(losses) == 9  # every batch holds all eight pictures
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert validated == [(6, False), (9, False)]
    assert not network.training


def test_encoder_gradient_reaches_every_parameter(
    pictures: tuple[np.ndarray, VehicleImages],
) -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(VEHICLES).train()
    x = augment(torch.from_numpy(pictures[0]), 32, torch.Generator().manual_seed(0))
    terms = retrieval_losses(network.performers(network(x)), training_labels(pictures[1]), 0.1)
    terms.total(TaskWeights()).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_encoder_goes_on_after_a_kill_as_if_nothing_had_been(
    pictures: tuple[np.ndarray, VehicleImages], tmp_path: Path
) -> None:
    recipe = replace(ENCODER, phases=((32, 2), (40, 1)))

    def train(name: str, kill_at: int | None = None) -> dict[str, Tensor]:
        def report(step: int, terms: dict[str, float]) -> None:
            if step == kill_at:
                raise KilledError

        path = tmp_path / f"{name}.safetensors"
        torch.rand(3)  # whatever else draws random numbers
        return train_encoder(*pictures, recipe, path, report, checkpoint_every=1).state_dict()

    whole = train("whole")
    with pytest.raises(KilledError):
        train("killed", kill_at=1)  # the last checkpoint is of step 1
    resumed = train("killed")
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        assert torch.allclose(value, resumed[name], rtol=1e-6, atol=1e-7), name


def test_augment_keeps_the_shape_and_hangs_on_its_generator_alone() -> None:
    pixels = torch.randint(0, 256, (4, 40, 40, 3), dtype=torch.uint8)
    one, two, other = (
        augment(pixels, 24, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert one.shape == (4, 3, 24, 24)
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.isfinite(one).all()


def test_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    rates = [one_cycle_rate(step, 200, 2.0, 0.1) for step in range(200)]
    assert max(rates) == rates[19] == 2.0
    assert rates[:20] == sorted(rates[:20])
    assert rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[-1] == pytest.approx(0.02, rel=0.05)


def test_image_size_follows_the_phases() -> None:
    recipe = EncoderRecipe(phases=((64, 3), (96, 2)))
    assert [recipe.image_size(step) for step in range(5)] == [64, 64, 64, 96, 96]
    assert recipe.steps == 5


def test_vehicles_are_renumbered(pictures: tuple[np.ndarray, VehicleImages]) -> None:
    labels = training_labels(pictures[1])
    assert labels.vehicle.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert labels.identities == VEHICLES


# ---------------------------------------------------------------------------------------- sampler


@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=12),
    P=st.integers(1, 4),
    K=st.integers(1, 5),
    seed=st.integers(0, 1000),
)
def test_batches_of_p_vehicles_with_k_images(sizes: list[int], P: int, K: int, seed: int) -> None:
    vehicle = np.repeat(np.arange(len(sizes)) * 7, sizes)
    if len(sizes) < P:
        with pytest.raises(ValueError, match=f"the training set has {len(sizes)}"):
            PKSampler(vehicle, P, K, seed)
        return
    sampler = PKSampler(vehicle, P, K, seed)
    batches_per_round = len(sizes) // P
    seen: list[int] = []
    for step in range(batches_per_round):
        batch = sampler.batch(step)
        assert len(batch) == sampler.batch_size == P * K
        chosen = vehicle[batch].reshape(P, K)
        assert (chosen == chosen[:, :1]).all()
        seen += chosen[:, 0].tolist()
        for row in batch.reshape(P, K):
            if np.sum(vehicle == vehicle[row[0]]) >= K:
                assert len(set(row)) == K
        assert np.array_equal(PKSampler(vehicle, P, K, seed).batch(step), batch)
    assert len(set(seen)) == len(seen)  # nobody twice in a round


def test_all_images_come_up_and_seeds_differ() -> None:
    vehicle = np.repeat(np.arange(9), 6)
    sampler = PKSampler(vehicle, 4, 3, seed=0)
    assert set(np.concatenate([sampler.batch(step) for step in range(60)])) == set(range(54))
    assert not np.array_equal(sampler.batch(0), PKSampler(vehicle, 4, 3, seed=1).batch(0))


# ------------------------------------------------------------------------------------------- link


def toy_channel(
    features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Power control and white noise, no fading."""
    energy = features.square().sum(1, keepdim=True).clamp_min(1e-24)
    z = features * (sent.sum(1, keepdim=True) / energy).sqrt()
    weight = torch.full_like(z, 2 * 10 ** (snr_db / 10))
    return weight * z + weight.sqrt() * torch.randn(z.shape, generator=generator), weight


#: A constant on all scores: the bound on the mutual information does not depend on it.
CANCELS = {"fde.statistic.bias"}


def toy_budget(snr_db: float) -> int:
    return 64


LINK = LinkRecipe(
    fde_steps=2,
    complete_steps=2,
    selected_steps=3,
    vehicles_per_batch=VEHICLES,
    images_per_vehicle=PER_VEHICLE,
    max_transmissions=2,
    fde_features=24,
)


@pytest.fixture(scope="module")
def encoded() -> tuple[Tensor, Labels]:
    """s of 6 vehicles, 4 images each: a place per vehicle and some scatter."""
    generator = torch.Generator().manual_seed(0)
    vehicle = torch.arange(24) // 4
    s = torch.rand(6, 1024, generator=generator)[vehicle]
    s = s + 0.1 * torch.rand(24, 1024, generator=generator)
    return s, Labels(vehicle, vehicle % 10, vehicle % 3)


def fresh_link(use_fde: bool = True) -> LinkNetwork:
    torch.manual_seed(5)
    return LinkNetwork(6, thresholds=2, use_fde=use_fde)


def one_step(
    network: LinkNetwork,
    optimizer: torch.optim.Optimizer,
    encoded: tuple[Tensor, Labels],
    stage: int,
    seed: int = 0,
) -> dict[str, float]:
    generator = torch.Generator().manual_seed(seed)
    return train_step(
        network, *encoded, optimizer, stage, toy_channel, toy_budget, LINK, generator, 1.0
    )


def test_stage_1_moves_the_fde_network_and_nothing_else(encoded: tuple[Tensor, Labels]) -> None:
    network = fresh_link().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for seed in range(2):
        assert one_step(network, optimizer, encoded, 1, seed).keys() == {"fde"}
    moved = {n for n, v in network.state_dict().items() if not torch.equal(v, before[n])}
    assert moved | CANCELS == {name for name in before if name.startswith("fde.")}
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("stage", [2, 3])
def test_later_stages_move_everything(encoded: tuple[Tensor, Labels], stage: int) -> None:
    network = fresh_link().train()
    before = {name: value.clone() for name, value in network.named_parameters()}
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    terms = one_step(network, optimizer, encoded, stage)
    assert terms.keys() == {"triplet", "vehicle", "color", "type", "mse", "fde"}
    still = {n for n, p in network.named_parameters() if torch.equal(p, before[n])}
    assert still <= CANCELS


def test_fde_loss_reaches_all_of_the_fde_network(encoded: tuple[Tensor, Labels]) -> None:
    network = fresh_link().eval()
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith("fde."))
    generator = torch.Generator().manual_seed(0)
    fde_loss(network, encoded[0], 0.0, 40, 2, toy_channel, generator, temperature=1.0).backward()
    reached = {n for n, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert reached | CANCELS == {n for n, p in network.named_parameters() if p.requires_grad}


def test_link_loss_falls_on_a_repeated_batch(encoded: tuple[Tensor, Labels]) -> None:
    network = fresh_link(use_fde=False).train()
    network.scale.copy_(encoded[0].square().mean(0).sqrt())
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = [sum(one_step(network, optimizer, encoded, 2).values()) for _ in range(12)]
    assert losses[-1] < 0.7 * losses[0]


def test_mine_bound_rises_on_a_repeated_batch(encoded: tuple[Tensor, Labels]) -> None:
    network = fresh_link().train()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = [one_step(network, optimizer, encoded, 1)["fde"] for _ in range(15)]
    assert losses[-1] < losses[0] - 0.05


def test_link_goes_on_after_a_kill_as_if_nothing_had_been(
    encoded: tuple[Tensor, Labels], tmp_path: Path
) -> None:
    def train(name: str, kill_at: int | None = None) -> LinkNetwork:
        def report(step: int, terms: dict[str, float]) -> None:
            if step == kill_at:
                raise KilledError

        path = tmp_path / f"{name}.safetensors"
        return train_link(
            fresh_link(), *encoded, toy_channel, toy_budget, LINK, path, report, checkpoint_every=2
        )

    whole = train("whole")
    for kill_at in (1, 4, 6):  # in stage 1; at the ranking, where a checkpoint is; in stage 3
        with pytest.raises(KilledError):
            train("killed", kill_at)
    resumed = train("killed")
    for name, value in whole.state_dict().items():
        assert torch.allclose(value, resumed.state_dict()[name], rtol=1e-6, atol=1e-7), name
    assert sorted(whole.order.tolist()) == list(range(LENGTH))
    assert whole.order.tolist() != list(range(LENGTH))  # the ranking took place
    scale = encoded[0].square().mean(0).sqrt()
    assert torch.allclose(whole.scale, scale)


def test_ranking_puts_what_the_decoder_ignores_last(encoded: tuple[Tensor, Labels]) -> None:
    network = fresh_link()
    ignored = torch.randperm(LENGTH, generator=torch.Generator().manual_seed(0))[:300]
    with torch.no_grad():
        network.jsc_decoder.hidden.weight[:, ignored] = 0  # its estimate
    order = measure_importance(network, encoded[0], toy_channel, torch.Generator().manual_seed(0))
    assert set(order[-300:].tolist()) == set(ignored.tolist())


def test_half_of_what_was_sent_is_asked_for_again(encoded: tuple[Tensor, Labels]) -> None:
    network = fresh_link().eval()
    f = network.encode(encoded[0])
    plan = Plan(torch.ones(24, LENGTH, dtype=torch.bool).index_fill(1, torch.arange(30), False))
    plan = plan.next(network.order, None, 100)  # room for 100, only 30 are left
    generator = torch.Generator().manual_seed(0)
    empty = network.empty_buffer(24)
    buffer, _ = transmit_slot(network, f, empty, plan, 0.0, toy_channel, generator)
    assert plan.selection is not None
    asked = most_distorted(network, buffer, plan.selection)
    assert asked is not None
    assert asked.sum(1).tolist() == [16] * 24  # those at the lower median or above
    assert not (asked & ~plan.selection.sent).any()


def test_gradient_stays_finite_when_there_is_nothing_left_to_send(
    encoded: tuple[Tensor, Labels],
) -> None:
    network = fresh_link(use_fde=False).train()
    channel = training_channel(Rician(), "cpu")
    generator = torch.Generator().manual_seed(0)
    s_hat, outputs = harq_round_trip(network, encoded[0], 0.0, 600, 4, channel, generator)
    (s_hat.sum() + outputs.vehicle.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.jsc_encoder.parameters())


@pytest.mark.parametrize("ratio", [0.5, 0.25])
def test_calibrated_thresholds_ask_for_their_share(
    encoded: tuple[Tensor, Labels], ratio: float
) -> None:
    network = fresh_link().eval()
    assert network.fde is not None
    with torch.no_grad():
        network.fde.judge.weight *= 5  # a network with opinions
    s = encoded[0].repeat(4, 1)
    calibrate_thresholds(network, s, toy_channel, toy_budget, ratio)
    assert len(network.threshold.unique()) == 2  # a curve over the SNR
    for snr_db in network.threshold_snr_db.tolist():
        generator = torch.Generator().manual_seed(99)
        plan, buffer, request = Plan.empty(len(s)), network.empty_buffer(len(s)), None
        shares = []
        with torch.inference_mode():
            f = network.encode(s)
            for _ in range(4):
                plan = plan.next(network.order, request, 64)
                buffer, _ = transmit_slot(network, f, buffer, plan, snr_db, toy_channel, generator)
                d = network.distortion(buffer).gather(1, plan.selection.position)
                threshold = network.threshold_at(snr_db)
                shares.append(asked_ratio(d, threshold, plan.selection.sent))
                request = (d >= threshold) & plan.selection.sent
        assert np.mean(shares) == pytest.approx(ratio, abs=0.08)


# ------------------------------------------------------------------------------------- checkpoint


def stepped(width: int = 3) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(width)
    model = nn.Linear(4, width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(2, 4)).sum().backward()
    optimizer.step()
    return model, optimizer


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    path, note = tmp_path / "c.safetensors", {"recipe": {"phases": ((64, 2),)}, "images": 5}
    model, optimizer = stepped()
    assert load_checkpoint(path, model, optimizer, note) == 0
    save_checkpoint(path, model, optimizer, 17, note)
    other = nn.Linear(4, 3)
    state = torch.optim.AdamW(other.parameters(), lr=0.1)
    assert load_checkpoint(path, other, state, note) == 17
    assert torch.equal(other.weight, model.weight)
    saved, loaded = optimizer.state_dict()["state"], state.state_dict()["state"]
    for index, values in saved.items():
        for key, value in values.items():
            assert torch.equal(torch.as_tensor(loaded[index][key]), torch.as_tensor(value))


def test_checkpoint_of_another_run_or_no_checkpoint(tmp_path: Path) -> None:
    path, note = tmp_path / "c.safetensors", {"recipe": {"phases": ((64, 2),)}, "images": 5}
    model, optimizer = stepped()
    save_checkpoint(path, model, optimizer, 1, note)
    with pytest.raises(ValueError, match=r"other settings \(images\): give another --out"):
        load_checkpoint(path, model, optimizer, {**note, "images": 6})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="is no checkpoint, delete it") as caught:
        load_checkpoint(path, model, optimizer, note)
    assert "\n" not in str(caught.value)
