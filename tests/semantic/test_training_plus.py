"""Training of semharq-plus: it learns, moves all that it trains, and a kill changes nothing."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_link import toy_data

from phy.channels.fading import Rician
from semantic.plus.network import PlusNetwork
from semantic.training.link import scale_of
from semantic.training.loop import LinkData, LinkRecipe, train_loop
from semantic.training.plus import train_plus
from simulator.training.channel import training_channel

RECIPE = LinkRecipe(
    complete_steps=4,
    selected_steps=20,
    vehicles_per_batch=6,
    images_per_vehicle=4,
    snr_db=(8.0, 8.0),
    free_budget=0.0,
)


class KilledError(Exception):
    """As good as a power cut."""


@pytest.fixture(scope="module")
def data() -> LinkData:
    return replace(toy_data(), channel=training_channel(Rician(), "cpu"))


def fresh(data: LinkData) -> PlusNetwork:
    torch.manual_seed(5)
    network = PlusNetwork(6)
    network.scale.copy_(scale_of(data.s))
    return network


@pytest.mark.integration
def test_loss_falls_and_everything_moves(data: LinkData, tmp_path: Path) -> None:
    network, losses = fresh(data), list[float]()
    before = {n: p.detach().clone() for n, p in network.named_parameters()}

    def report(step: int, terms: dict[str, float]) -> None:
        assert terms.keys() == {"triplet", "vehicle", "color", "type", "channel"}
        losses.append(sum(terms.values()))

    train_plus(network, data, RECIPE, tmp_path / "c.safetensors", report)
    assert len(losses) == 24
    assert np.mean(losses[-3:]) < 0.85 * np.mean(losses[:3])
    assert not [n for n, p in network.named_parameters() if torch.equal(p, before[n])]


@pytest.mark.integration
def test_a_killed_training_ends_as_one_that_was_not(
    data: LinkData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = partial(train_loop, checkpoint_every=5)  # instead of 500, so that few steps are enough
    monkeypatch.setattr("semantic.training.plus.train_loop", often)

    steps: list[int] = []

    def note(step: int, terms: dict[str, float]) -> None:
        steps.append(step)

    def killed(step: int, terms: dict[str, float]) -> None:
        if step == 12:
            raise KilledError

    recipe = replace(RECIPE, selected_steps=10)
    whole = train_plus(fresh(data), data, recipe, tmp_path / "whole.safetensors", note)
    with pytest.raises(KilledError):
        train_plus(fresh(data), data, recipe, tmp_path / "c.safetensors", killed)
    again = train_plus(fresh(data), data, recipe, tmp_path / "c.safetensors", note)
    assert steps == [*range(14), *range(10, 14)]  # it goes on from its last checkpoint
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
