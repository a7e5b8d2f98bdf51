"""Refits the clean task performers on s, all tasks with the same weight.

While the encoder learns, color and type weigh an eighth of re-identification (SemHARQ section V-B),
and their heads, which start from nothing, lag behind what s already holds. Behind a frozen encoder
the tasks share nothing but s, so equal weights take nothing away from any of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from semantic.losses import TaskWeights
from semantic.tasks import TaskPerformers
from semantic.training.encoder import one_cycle_rate, retrieval_losses, step_seed
from semantic.training.labels import Labels
from semantic.training.sampler import PKSampler

EQUAL = TaskWeights(1.0, 1.0, 1.0)


@dataclass(frozen=True)
class PerformersRecipe:
    """How the performers are refitted.

    Attributes:
        steps: Of AdamW; 0 leaves the performers as the encoder's training left them.
        learning_rate: Peak of the one-cycle schedule.
        weight_decay: Of AdamW.
        vehicles_per_batch, images_per_vehicle: P and K.
        dropout: Share of s set to zero at random, since s fits the training images too well.
        task_weights: lambda of each task.
        seed: With the step, all that a batch depends on.
    """

    steps: int = 1500
    learning_rate: float = 1e-3
    weight_decay: float = 5e-2
    vehicles_per_batch: int = 32
    images_per_vehicle: int = 4
    dropout: float = 0.2
    task_weights: TaskWeights = EQUAL
    seed: int = 0


def refit_performers(
    performers: TaskPerformers,
    s: Tensor,
    labels: Labels,
    recipe: PerformersRecipe,
    report: Callable[[int, dict[str, float]], None],
) -> None:
    """Trains the performers in place on encoder outputs s [images, N]."""
    optimizer = torch.optim.AdamW(performers.parameters(), weight_decay=recipe.weight_decay)
    sampler = PKSampler(
        labels.vehicle.cpu().numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
    )
    performers.requires_grad_(True).train()
    for step in range(recipe.steps):
        index = torch.from_numpy(sampler.batch(step))
        generator = torch.Generator().manual_seed(step_seed(recipe.seed, 3, step))
        rows = s[index]
        keep = torch.rand(rows.shape, generator=generator).to(s.device) >= recipe.dropout
        outputs = performers(rows * keep / (1 - recipe.dropout))
        target = Labels(*(column[index] for column in labels.columns))
        terms = retrieval_losses(outputs, target, 0.1)
        for group in optimizer.param_groups:
            group["lr"] = one_cycle_rate(step, recipe.steps, recipe.learning_rate, 0.05)
        optimizer.zero_grad(set_to_none=True)
        terms.total(recipe.task_weights).backward()
        optimizer.step()
        report(step, {name: float(value.detach()) for name, value in terms._asdict().items()})
    performers.requires_grad_(False).eval()
