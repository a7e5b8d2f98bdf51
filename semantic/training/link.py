"""Trains everything behind the encoder, on s computed once, with the channel in the loop.

    s -> f -> [select -> z -> channel -> buffer -> detector] x G -> s_hat -> tasks -> L_T + L_CH

First the whole link with f sent complete, which all schemes share; then the importance of every
feature is measured. After that each scheme by its own protocol: F alone, where it has one, then the
whole with B features a slot. The channel is an argument: this package knows none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.gumbel import annealed_temperature
from semantic.importance import TASK_WEIGHTS as FIR_WEIGHTS
from semantic.importance import ImportanceMean, importance
from semantic.losses import TaskWeights, channel_mse
from semantic.model import LinkNetwork
from semantic.protocol import Protocol
from semantic.selector import LENGTH, Plan
from semantic.training.checkpoint import load_checkpoint, save_checkpoint
from semantic.training.encoder import TASK_WEIGHTS, one_cycle_rate, retrieval_losses, step_seed
from semantic.training.fde import fde_loss, only_fde
from semantic.training.labels import Labels
from semantic.training.round_trip import Budget, TrainingChannel, harq_round_trip, transmit_slot
from semantic.training.sampler import PKSampler

#: How f is sent complete.
COMPLETE = Protocol(again="nothing", rounds="all")

Report = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class LinkRecipe:
    """How the link is trained.

    Attributes:
        complete_steps: Steps with f sent complete.
        fde_steps: Steps of F alone.
        selected_steps: Steps by the scheme's protocol.
        learning_rate: Peak of each stage's one-cycle schedule, Adam.
        vehicles_per_batch, images_per_vehicle: P and K.
        snr_db: Range from which each batch's SNR is drawn.
        max_transmissions: With HARQ a batch is sent 1 to this many times.
        free_budget: Share of the batches whose B is drawn log-uniformly from [16, 1024] instead
            of following the slot, so that other T and W work too.
        fde_features: Most features in a slot of the FDE's own training step (memory).
        task_weights: lambda of each task.
        seed: With the step, all that a batch depends on.
    """

    complete_steps: int = 1200
    fde_steps: int = 300
    selected_steps: int = 3500
    learning_rate: float = 1e-3
    vehicles_per_batch: int = 16
    images_per_vehicle: int = 4
    snr_db: tuple[float, float] = (-6.0, 8.0)
    max_transmissions: int = 4
    free_budget: float = 0.25
    fde_features: int = 256
    task_weights: TaskWeights = TASK_WEIGHTS
    seed: int = 0

    @property
    def importance_weights(self) -> tuple[float, ...]:
        """lambda of each task in FIR (eq. 14): the papers', 0 for tasks that are not trained."""
        trained = astuple(self.task_weights)
        return tuple(w if on > 0 else 0.0 for w, on in zip(FIR_WEIGHTS, trained, strict=True))


@dataclass(frozen=True)
class LinkData:
    """What a link is trained on.

    Attributes:
        s: [images, N] encoder outputs.
        labels: Of the same images.
        channel: The channel in the loop.
        budget: B at an SNR.
    """

    s: Tensor
    labels: Labels
    channel: TrainingChannel
    budget: Budget


def scale_of(s: Tensor) -> Tensor:
    """Root mean square of each feature of s [images, N], away from zero."""
    return s.square().mean(0).sqrt().clamp_min(1e-3 * float(s.std()))


def train_complete(
    network: LinkNetwork, data: LinkData, recipe: LinkRecipe, checkpoint: Path, report: Report
) -> LinkNetwork:
    """Trains with f sent complete, then measures the importance of each feature.

    Args:
        network: Fresh; its performers may be the clean ones.
        data: s, labels, channel, B.
        recipe: Steps and rates.
        checkpoint: File that is replaced now and then; where it exists, training goes on from it.
        report: Called each step with the loss terms.

    Returns:
        The same network, its scale and order set.
    """
    network.scale.copy_(scale_of(data.s))

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        snr_db = _draw_snr(recipe, generator)
        return _link_step(network, COMPLETE, data, recipe, index, snr_db, LENGTH, 1, generator)

    _train(network, recipe, "complete", data, (recipe.complete_steps,), step, checkpoint, report)
    generator = torch.Generator().manual_seed(step_seed(recipe.seed, 8))
    order = measure_importance(
        network, data.s, data.channel, generator, recipe.snr_db, recipe.importance_weights
    )
    network.order.copy_(order)
    return network.eval()


def train_scheme(
    network: LinkNetwork,
    protocol: Protocol,
    data: LinkData,
    recipe: LinkRecipe,
    checkpoint: Path,
    report: Report,
) -> LinkNetwork:
    """Trains a scheme by its own protocol, from a network that has been trained with f complete.

    Args and result as for `train_complete`; thresholds are not yet calibrated.
    """
    alone = recipe.fde_steps if network.fde is not None else 0
    total = alone + recipe.selected_steps

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        snr_db = _draw_snr(recipe, generator)
        B, transmissions = _draw_slot(protocol, recipe, data.budget, snr_db, generator)
        terms: dict[str, float] = {}
        if number >= alone:
            terms = _link_step(
                network, protocol, data, recipe, index, snr_db, B, transmissions, generator
            )
        if network.fde is not None:
            with only_fde(network):
                loss = fde_loss(
                    network,
                    protocol,
                    data.s[index],
                    snr_db,
                    min(B, recipe.fde_features),
                    transmissions,
                    data.channel,
                    generator,
                    annealed_temperature(number / total),
                    recipe.images_per_vehicle,
                )
                loss.backward()
            nn.utils.clip_grad_norm_(network.fde.parameters(), 5.0)
            terms["fde"] = float(loss.detach())
        return terms

    ends = (alone, total) if alone else (total,)
    _train(network, recipe, "scheme", data, ends, step, checkpoint, report, asdict(protocol))
    return network.eval()


def measure_importance(
    network: LinkNetwork,
    s: Tensor,
    channel: TrainingChannel,
    generator: torch.Generator,
    snr_range_db: tuple[float, float] = (-6.0, 8.0),
    weights: Sequence[float] = FIR_WEIGHTS,
) -> Tensor:
    """FIR (eq. 13-14): positions of f in descending mean importance over the training set, [L].

    The gradient of each task's predicted class through the whole link, f sent complete, at SNRs
    over the whole range.
    """
    network.eval()
    low, high = snr_range_db
    mean = ImportanceMean()
    for i, rows in enumerate(s.split(512)):
        snr_db = low + (high - low) * (i % 8) / 7
        f = network.encode(rows).detach()

        def probabilities(f: Tensor, snr_db: float = snr_db) -> tuple[Tensor, ...]:
            plan = Plan.empty(len(f), f.device).next(network.order, None, LENGTH)
            empty = network.empty_buffer(len(f))
            buffer, _ = transmit_slot(f, empty, plan, snr_db, channel, generator)
            return network.decode(buffer)[1].probabilities

        mean.add(importance(probabilities, f, weights))
    network.train()
    return mean.order()


def _draw_snr(recipe: LinkRecipe, generator: torch.Generator) -> float:
    low, high = recipe.snr_db
    return low + (high - low) * float(torch.rand((), generator=generator))


def _draw_slot(
    protocol: Protocol,
    recipe: LinkRecipe,
    budget: Budget,
    snr_db: float,
    generator: torch.Generator,
) -> tuple[int, int]:
    """(B, transmissions) of one batch."""
    free, size, count = torch.rand(3, generator=generator).tolist()
    if protocol.rounds == "all":
        return LENGTH, 1
    B = round(16 * 64**size) if free < recipe.free_budget else budget(snr_db)
    return B, 1 if protocol.rounds == "one" else 1 + int(count * recipe.max_transmissions)


def _link_step(
    network: LinkNetwork,
    protocol: Protocol,
    data: LinkData,
    recipe: LinkRecipe,
    index: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    generator: torch.Generator,
) -> dict[str, float]:
    """Gradients of L_T + L_CH in everything but F; returns the loss terms."""
    s, target = data.s[index], Labels(*(column[index] for column in data.labels.columns))
    s_hat, outputs = harq_round_trip(
        network, protocol, s, snr_db, B, transmissions, data.channel, generator
    )
    losses = retrieval_losses(outputs, target, 0.1)
    mse = channel_mse(s / network.scale, s_hat)
    (losses.total(recipe.task_weights) + mse).backward()
    trained = [p for n, p in network.named_parameters() if not n.startswith("fde.")]
    # Apart from F's: a scheme with F then moves as one without does.
    nn.utils.clip_grad_norm_(trained, 5.0)
    terms = {name: float(value.detach()) for name, value in losses._asdict().items()}
    return {**terms, "mse": float(mse.detach())}


def _train(
    network: LinkNetwork,
    recipe: LinkRecipe,
    what: str,
    data: LinkData,
    ends: tuple[int, ...],
    step: Callable[[Tensor, torch.Generator, int], dict[str, float]],
    checkpoint: Path,
    report: Report,
    note: dict[str, Any] | None = None,
    checkpoint_every: int = 500,
) -> None:
    """Runs stages that end at the steps `ends`, each with a one-cycle learning rate of its own."""
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad])
    sampler = PKSampler(
        data.labels.vehicle.cpu().numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
    )
    about = {
        "what": what,
        "recipe": asdict(recipe),
        "images": len(data.s),
        "buffer": network.buffer_name,
        "protocol": note,
    }
    network.train()
    for number in range(load_checkpoint(checkpoint, network, optimizer, about), ends[-1]):
        start = max((end for end in ends if end <= number), default=0)
        end = min(end for end in ends if end > number)
        for group in optimizer.param_groups:
            rate = one_cycle_rate(number - start, end - start, recipe.learning_rate, 0.05)
            group["lr"] = rate
        generator = torch.Generator().manual_seed(step_seed(recipe.seed, 7, number))
        index = torch.from_numpy(sampler.batch(number))
        optimizer.zero_grad(set_to_none=True)
        terms = step(index, generator, number)
        optimizer.step()
        report(number, terms)
        if (number + 1) % checkpoint_every == 0 or number + 1 == ends[-1]:
            save_checkpoint(checkpoint, network, optimizer, number + 1, about)
