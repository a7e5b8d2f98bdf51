"""One training loop for everything behind the encoder: batches, losses, rates, checkpoints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.link.importance import FIR_TASK_WEIGHTS
from semantic.losses import TaskWeights, channel_mse
from semantic.tasks import TaskOutputs
from semantic.training.checkpoint import load_checkpoint, save_checkpoint
from semantic.training.encoder import (
    ENCODER_TASK_WEIGHTS,
    one_cycle_rate,
    retrieval_losses,
    step_seed,
)
from semantic.training.labels import Labels
from semantic.training.round_trip import FeatureBudget, TrainingChannel
from semantic.training.sampler import PKSampler

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
        fixed_statistics: Share of the scheme's steps after which batch normalization keeps its
            running statistics. A batch has one SNR and one number of slots; its own statistics
            take out of it what the receiver, who knows none at test time, has to live with.
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
    fixed_statistics: float = 0.4
    task_weights: TaskWeights = ENCODER_TASK_WEIGHTS
    seed: int = 0

    @property
    def importance_weights(self) -> tuple[float, ...]:
        """lambda of each task in FIR (eq. 14): the papers', 0 for tasks that are not trained."""
        trained = astuple(self.task_weights)
        return tuple(w if on > 0 else 0.0 for w, on in zip(FIR_TASK_WEIGHTS, trained, strict=True))


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
    budget: FeatureBudget


def draw_snr(recipe: LinkRecipe, generator: torch.Generator) -> float:
    """The SNR of one batch."""
    low, high = recipe.snr_db
    return low + (high - low) * float(torch.rand((), generator=generator))


def draw_slot_size(
    recipe: LinkRecipe, budget: FeatureBudget, snr_db: float, free: float, size: float
) -> int:
    """B of one batch: the slot's, or any in a share of the batches.

    Args:
        recipe: Has the share.
        budget: B at an SNR.
        snr_db: The batch's SNR.
        free, size: Random numbers in [0, 1).
    """
    return round(16 * 64**size) if free < recipe.free_budget else budget(snr_db)


def keep_statistics(network: nn.Module) -> None:
    """Leaves batch normalization with the statistics that it has, as at test time."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


def link_gradients(
    network: nn.Module,
    data: LinkData,
    recipe: LinkRecipe,
    index: Tensor,
    found: tuple[Tensor, TaskOutputs],
) -> dict[str, float]:
    """Gradients of L_T + L_CH in everything but F; returns the loss terms.

    Args:
        network: With a `scale` of s.
        data: Whose rows were sent.
        recipe: Weights of the tasks.
        index: [batch] the rows.
        found: s_hat in units of `scale`, and the tasks' outputs.
    """
    s_hat, outputs = found
    target = Labels(*(column[index] for column in data.labels.columns))
    losses = retrieval_losses(outputs, target, 0.1)
    mse = channel_mse(data.s[index] / network.get_buffer("scale"), s_hat)
    (losses.total(recipe.task_weights) + mse).backward()
    trained = [p for n, p in network.named_parameters() if not n.startswith("fde.")]
    # Apart from F's: a scheme with F then moves as one without does.
    nn.utils.clip_grad_norm_(trained, 5.0)
    terms = {name: float(value.detach()) for name, value in losses._asdict().items()}
    return {**terms, "mse": float(mse.detach())}


def train_loop(
    network: nn.Module,
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
    """Runs stages that end at the steps `ends`, each with a one-cycle learning rate of its own.

    Args:
        network: What is trained.
        recipe: Rates, batches, seed.
        what: Name of the stage, by which its checkpoint is known.
        data: Whose labels the batches are drawn by.
        ends: One past the last step of each stage.
        step: Given a batch's rows, its random numbers and its number: leaves gradients behind and
            returns the loss terms.
        checkpoint: File that is replaced now and then; where it exists, training goes on from it.
        report: Called each step with the loss terms.
        note: What else a checkpoint must agree on.
        checkpoint_every: Steps.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, fused=True)  # a third of the time of the others
    sampler = PKSampler(
        data.labels.vehicle.cpu().numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
    )
    about = {"what": what, "recipe": asdict(recipe), "images": len(data.s), **(note or {})}
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
