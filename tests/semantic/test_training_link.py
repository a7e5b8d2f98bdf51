"""Training behind the encoder: every scheme learns, moves what it should, and a kill changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_link import CANCELS, RECIPE, SEMHARQ, fresh, silent, toy_channel, toy_data

from semantic.conventions import CODED_FEATURES
from semantic.link.network import LinkNetwork
from semantic.link.protocol import PROTOCOLS, SINGLE_TASK_PROTOCOL
from semantic.losses import TASKS, TaskWeights
from semantic.tasks import TaskPerformers
from semantic.training.link import (
    measure_importance,
    scale_of,
    train_complete,
    train_scheme,
)
from semantic.training.loop import LinkData, LinkRecipe


class KilledError(Exception):
    """As good as a power cut."""


@pytest.fixture(scope="module")
def data() -> LinkData:
    return toy_data()


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


def test_shared_performers_stay_as_they_are(data: LinkData, tmp_path: Path) -> None:
    clean = TaskPerformers(6).requires_grad_(False)
    before = {name: value.clone() for name, value in clean.state_dict().items()}
    network = fresh(clean=clean)
    train_complete(network, data, RECIPE, tmp_path / "a.safetensors", silent)
    train_scheme(network, SEMHARQ, data, RECIPE, tmp_path / "b.safetensors", silent)
    assert network.performers is clean
    assert all(torch.equal(v, before[n]) for n, v in clean.state_dict().items())
    assert not any(parameter.requires_grad for parameter in clean.parameters())


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
