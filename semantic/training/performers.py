"""Refit of the task performers on clean s, with the same weight for all tasks.

While the encoder is trained, color and type have an eighth of the weight of re-identification
(SemHARQ section V-B). Their heads start from random weights and do not yet use all information in
s. With a frozen encoder the tasks share no weights, so that equal task weights harm none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from semantic.losses import TaskWeights
from semantic.tasks import TaskPerformers
from semantic.training.checkpoint import hash_of, load_checkpoint, save_checkpoint
from semantic.training.encoder import one_cycle_rate, retrieval_losses, step_seed
from semantic.training.interrupt import signals_between_steps
from semantic.training.labels import Labels
from semantic.training.products import onednn_products
from semantic.training.sampler import PKSampler

#: Equal weights of the tasks.
EQUAL = TaskWeights(1.0, 1.0, 1.0)


@dataclass(frozen=True)
class PerformersRecipe:
    """Settings of the refit.

    Attributes:
        steps: Number of steps; 0 keeps the performers of the encoder's training.
        learning_rate: Peak of the one-cycle schedule.
        weight_decay: Weight decay of AdamW.
        vehicles_per_batch: P of the PK sampler.
        images_per_vehicle: K of the PK sampler.
        dropout: Share of the features of s set to zero, because s is overfitted to the training
            images.
        task_weights: Weight lambda of each task.
        seed: Seed of the batches; a batch depends on it and on the step alone.
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
    checkpoint: Path,
    report: Callable[[int, dict[str, float]], None],
    checkpoint_every: int = 500,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Trains the performers in place, from the checkpoint if there is one.

    Args:
        performers: Performers to refit.
        s: Encoder outputs, [images, N].
        labels: Labels of the images.
        recipe: Settings of the refit.
        checkpoint: Checkpoint file, for these s and this recipe alone.
        report: Called after each step with the loss terms.
        checkpoint_every: Number of steps between checkpoints. Ctrl-C and SIGTERM save one too.
        about: What a checkpoint must share besides recipe and data, e.g. code.
    """
    optimizer = torch.optim.AdamW(
        performers.parameters(), weight_decay=recipe.weight_decay, fused=True
    )
    sampler = PKSampler(
        labels.vehicle.cpu().numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
    )
    performers.requires_grad_(True).train()
    data = hash_of(s, *labels.columns)
    note = {"what": "performers", "recipe": asdict(recipe), "data": data, **(about or {})}
    first = load_checkpoint(checkpoint, performers, optimizer, note)
    with signals_between_steps() as end_of_step, onednn_products(performers):
        for step in range(first, recipe.steps):
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
            save = partial(save_checkpoint, checkpoint, performers, optimizer, step + 1, note)
            end_of_step(save)
            if (step + 1) % checkpoint_every == 0:
                save()
    performers.requires_grad_(False).eval()
