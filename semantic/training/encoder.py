"""Trains the semantic encoder with the three tasks on clean images (no channel).

    pixels -> augment -> DenseNet-121 -> s -> task performers -> L_T -> Adam

The result is the multi-task network, which the conventional chain runs on its decoded images, and
the outputs s, on which the link is trained. The batch is a pure function of the step, so that a
run resumed from a checkpoint gives the same result as an uninterrupted one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from semantic.data.dataset import VehicleImages
from semantic.encoder.multitask import MultiTaskNetwork
from semantic.encoder.timm import DENSENET
from semantic.losses import TaskLosses, TaskWeights, task_losses
from semantic.tasks import TaskOutputs
from semantic.training.augmentation import augment
from semantic.training.checkpoint import hash_of, load_checkpoint, save_checkpoint
from semantic.training.interrupt import signals_between_steps
from semantic.training.labels import Labels, training_labels
from semantic.training.sampler import PKSampler

#: Weight lambda of each task in the preset of the embedded data set.
ENCODER_TASK_WEIGHTS = TaskWeights(1.0, 0.5, 0.5)


@dataclass(frozen=True)
class EncoderRecipe:
    """Settings of the encoder's training.

    Attributes:
        phases: Image size in pixels and number of steps of each phase. Small images come first;
            they take less time.
        learning_rate: Peak of the one-cycle schedule over all phases.
        warmup: Share of the steps in which the rate rises.
        vehicles_per_batch: P of the PK sampler, `extra_vehicles` included.
        images_per_vehicle: K of the PK sampler.
        extra_vehicles: Vehicles of each batch that come from the extra data, e.g. photographs.
        weight_decay: Weight decay of AdamW.
        label_smoothing: Label smoothing of the identity's cross-entropy.
        task_weights: Weight lambda of each task. With the papers' 0.125 for color and type, the
            encoder recognizes the type of a training vehicle by its stickers.
        augmentation: "light" or "strong", see `augment`.
        precision: Arithmetic of the backbone's forward and backward pass: "fp32" or "bf16".
        backbone: "densenet121", "timm:NAME" or "module:Class".
        seed: Seed of batches and augmentation; both depend on it and on the step alone.
    """

    phases: tuple[tuple[int, int], ...] = ((64, 3600), (96, 1200))
    learning_rate: float = 1e-3
    warmup: float = 0.05
    vehicles_per_batch: int = 8
    images_per_vehicle: int = 4
    extra_vehicles: int = 0
    weight_decay: float = 1e-2
    label_smoothing: float = 0.1
    task_weights: TaskWeights = ENCODER_TASK_WEIGHTS
    augmentation: str = "light"
    precision: str = "fp32"
    backbone: str = DENSENET
    seed: int = 0

    @property
    def steps(self) -> int:
        """Number of steps of all phases.

        >>> EncoderRecipe().steps
        4800
        """
        return sum(steps for _, steps in self.phases)

    def image_size(self, step: int) -> int:
        """Returns the image size in pixels at a step.

        >>> EncoderRecipe().image_size(3599), EncoderRecipe().image_size(3600)
        (64, 96)
        """
        for size, steps in self.phases:
            if step < steps:
                return size
            step -= steps
        return self.phases[-1][0]


def one_cycle_rate(step: int, steps: int, peak: float, warmup: float) -> float:
    """Returns the learning rate of a step: linear warm-up, then a half cosine to 1 % of the peak.

    >>> one_cycle_rate(9, 100, 1.0, 0.1)
    1.0
    """
    warm = max(1, round(warmup * steps))
    if step < warm:
        return peak * (step + 1) / warm
    progress = (step - warm) / max(1, steps - warm)
    return peak * (0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * progress))))


def step_seed(*parts: int) -> int:
    """Returns a 63-bit seed that depends on all parts.

    >>> step_seed(0, 1) != step_seed(1, 0)
    True
    """
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> 1)


def retrieval_losses(outputs: TaskOutputs, labels: Labels, label_smoothing: float) -> TaskLosses:
    """Returns the task losses; the triplet loss uses unit vectors, as retrieval by cosine does."""
    unit = functional.normalize(outputs.embedding, dim=-1)
    return task_losses(outputs._replace(embedding=unit), labels, label_smoothing=label_smoothing)


def train_encoder(
    pixels: np.ndarray,
    images: VehicleImages,
    recipe: EncoderRecipe,
    checkpoint: Path,
    report: Callable[[int, dict[str, float]], None],
    validate: Callable[[MultiTaskNetwork, int], None] | None = None,
    initialize: Callable[[MultiTaskNetwork], None] | None = None,
    device: str = "cpu",
    checkpoint_every: int = 50,
    validate_every: int = 200,
    extra: np.ndarray | None = None,
    about: Mapping[str, object] | None = None,
) -> MultiTaskNetwork:
    """Trains the encoder to the recipe's last step, from the checkpoint if there is one.

    Several processes under torchrun average their gradients.

    Args:
        pixels: Decoded training images, uint8 [images, h, w, 3].
        images: Labels of the images.
        recipe: Settings of the training.
        checkpoint: Checkpoint file, replaced every `checkpoint_every` steps.
        report: Called after each step with the loss terms.
        validate: Called every `validate_every` steps with the network and the number of steps.
        initialize: Called with the new network, e.g. to load ImageNet weights.
        device: Torch device.
        checkpoint_every: Number of steps between checkpoints. Ctrl-C and SIGTERM save one too.
        validate_every: Number of steps between validations.
        extra: Images of the extra data, [images] bool; None if there are none.
        about: What a checkpoint must share besides recipe, data and initial weights, e.g. code.

    Returns:
        The trained network, in evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    labels = training_labels(images)
    model = MultiTaskNetwork(labels.identities, recipe.backbone)
    if initialize is not None:
        initialize(model)
    initial = hash_of(*model.state_dict().values())
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    sampler = PKSampler(
        labels.vehicle.numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
        extra,
        recipe.extra_vehicles,
    )
    data = hash_of(pixels, *labels.columns, *(() if extra is None else (extra,)))
    note = {"recipe": asdict(recipe), "data": data, "initial": initial, **(about or {})}
    start = load_checkpoint(checkpoint, model, optimizer, note)
    model.train()
    with signals_between_steps() as end_of_step, torch.random.fork_rng([]):
        for step in range(start, recipe.steps):
            index = sampler.batch(step * world + rank)
            generator = torch.Generator(device).manual_seed(step_seed(recipe.seed, step, rank))
            chosen, size = torch.from_numpy(pixels[index]).to(device), recipe.image_size(step)
            x = augment(chosen, size, generator, recipe.augmentation)
            target = Labels(*(value[index].to(device) for value in labels.columns))
            rate = one_cycle_rate(step, recipe.steps, recipe.learning_rate, recipe.warmup)
            torch.manual_seed(step_seed(recipe.seed, 9, step, rank))  # of a backbone's dropout
            terms = _update(model, optimizer, x, target, recipe, rate, world)
            report(step, {name: float(v.detach()) for name, v in terms._asdict().items()})
            if rank > 0:
                end_of_step(lambda: None)
                continue
            save = partial(save_checkpoint, checkpoint, model, optimizer, step + 1, note)
            end_of_step(save)
            last = step + 1 == recipe.steps
            if (step + 1) % checkpoint_every == 0 or last:
                save()
            if validate is not None and ((step + 1) % validate_every == 0 or last):
                model.eval()
                validate(model, step + 1)
                model.train()
    return model.eval()


def _update(
    model: MultiTaskNetwork,
    optimizer: torch.optim.Optimizer,
    x: Tensor,
    target: Labels,
    recipe: EncoderRecipe,
    rate: float,
    world: int,
) -> TaskLosses:
    """Changes the network by one step and returns the losses before it."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        s = model(x)
    terms = retrieval_losses(model.performers(s.float()), target, recipe.label_smoothing)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    terms.total(recipe.task_weights).backward()
    average_gradients(model, world)
    optimizer.step()
    return terms


def average_gradients(model: nn.Module, world: int) -> None:
    """Averages the gradients over the processes of torchrun; a single process has nothing to do."""
    if world > 1:
        for parameter in model.parameters():
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)
                parameter.grad /= world
