"""Training the encoder: it learns, and a kill changes nothing; sampler and checkpoints."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from semantic.data.dataset import ImageFile, VehicleImages
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.losses import TaskWeights
from semantic.training.checkpoint import load_checkpoint, save_checkpoint
from semantic.training.encoder import (
    EncoderRecipe,
    augment,
    one_cycle_rate,
    retrieval_losses,
    train_encoder,
)
from semantic.training.labels import training_labels
from semantic.training.sampler import PKSampler

VEHICLES, PER_VEHICLE = 4, 2


class KilledError(Exception):
    """As good as a power cut."""


# ---------------------------------------------------------------------------------------- encoder


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, VehicleImages]:
    """8 images of 32x32: each vehicle has a color of its own."""
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


@pytest.mark.integration
def test_encoder_loss_falls_and_validation_is_called(
    images: tuple[np.ndarray, VehicleImages], tmp_path: Path
) -> None:
    losses: list[float] = []
    validated: list[tuple[int, bool]] = []
    network = train_encoder(
        *images,
        ENCODER,
        tmp_path / "c.safetensors",
        lambda step, terms: losses.append(sum(terms.values())),
        validate=lambda net, step: validated.append((step, net.training)),
        validate_every=6,
    )
    assert len(losses) == 9  # every batch holds all eight images
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
    assert validated == [(6, False), (9, False)]
    assert not network.training


def test_encoder_gradient_reaches_every_parameter(
    images: tuple[np.ndarray, VehicleImages],
) -> None:
    torch.manual_seed(0)
    network = MultiTaskNetwork(VEHICLES).train()
    x = augment(torch.from_numpy(images[0]), 32, torch.Generator().manual_seed(0))
    terms = retrieval_losses(network.performers(network(x)), training_labels(images[1]), 0.1)
    terms.total(TaskWeights()).backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


@pytest.mark.integration
def test_ctrl_c_saves_the_step_that_it_meets(
    images: tuple[np.ndarray, VehicleImages], tmp_path: Path
) -> None:
    def report(step: int, terms: dict[str, float]) -> None:
        if step == 1:
            os.kill(os.getpid(), signal.SIGINT)

    # A worker of pytest-xdist ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    recipe = replace(ENCODER, phases=((32, 4),))
    path = tmp_path / "encoder.checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train_encoder(*images, recipe, path, report, checkpoint_every=100)
    signal.signal(signal.SIGINT, before)
    steps: list[int] = []
    train_encoder(*images, recipe, path, lambda step, terms: steps.append(step))
    assert steps == [2, 3]


class Dropping(nn.Module):
    """The smallest encoder network of a user, with dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 1024, 3, 16), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.dropout(self.layers(images), 0.2, self.training)


@pytest.mark.integration
@pytest.mark.parametrize("backbone", ["densenet121", f"{__name__}:Dropping"])
def test_encoder_goes_on_after_a_kill_as_if_nothing_had_been(
    images: tuple[np.ndarray, VehicleImages], tmp_path: Path, backbone: str
) -> None:
    recipe = replace(ENCODER, phases=((32, 2), (40, 1)), backbone=backbone)

    def train(name: str, kill_at: int | None = None) -> dict[str, Tensor]:
        def report(step: int, terms: dict[str, float]) -> None:
            if step == kill_at:
                raise KilledError

        path = tmp_path / f"{name}.safetensors"
        torch.rand(3)  # whatever else draws random numbers
        return train_encoder(*images, recipe, path, report, checkpoint_every=1).state_dict()

    whole = train("whole")
    with pytest.raises(KilledError):
        train("killed", kill_at=1)  # the last checkpoint is of step 1
    left, others = (tmp_path / f".{n}.safetensors.k1ll_d00" for n in ("killed", "other"))
    left.touch()  # of a process that was killed while it wrote
    others.touch()
    resumed = train("killed")
    assert not left.exists()
    assert others.exists()
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


def test_vehicles_are_renumbered(images: tuple[np.ndarray, VehicleImages]) -> None:
    labels = training_labels(images[1])
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
        assert len(batch) == P * K
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
    with pytest.raises(ValueError, match="is not a valid checkpoint, delete it") as caught:
        load_checkpoint(path, model, optimizer, note)
    assert "\n" not in str(caught.value)
