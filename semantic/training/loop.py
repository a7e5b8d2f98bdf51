"""The training loop of all networks behind the encoder: batches, losses, rates, checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from semantic.link.importance import FIR_TASK_WEIGHTS
from semantic.losses import TaskWeights, channel_loss
from semantic.tasks import TaskOutputs
from semantic.training.checkpoint import hash_of, load_checkpoint, save_checkpoint
from semantic.training.encoder import (
    ENCODER_TASK_WEIGHTS,
    one_cycle_rate,
    retrieval_losses,
    step_seed,
)
from semantic.training.interrupt import signals_between_steps
from semantic.training.labels import Labels
from semantic.training.round_trip import FeatureBudget, TrainingChannel
from semantic.training.sampler import PKSampler

#: Called after each step with its number and the loss terms.
Report = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class LinkRecipe:
    """Settings of the link's training.

    Attributes:
        complete_steps: Steps with all of f sent.
        fde_steps: Steps of F alone.
        selected_steps: Steps by the scheme's protocol.
        learning_rate: Peak of each stage's one-cycle schedule for Adam.
        vehicles_per_batch: P of the PK sampler.
        images_per_vehicle: K of the PK sampler.
        snr_db: Range from which each batch's SNR is drawn, in dB.
        max_transmissions: Largest number of transmissions of a batch with HARQ.
        free_budget: Share of the batches whose B is drawn log-uniformly from [16, 1024] instead
            of that of the slot, so that the link works for other T and W as well.
        fde_features: Largest number of features of a slot in F's own training step; it bounds the
            memory.
        fixed_statistics: Share of the scheme's steps after which batch normalization keeps its
            running statistics. All images of a batch share one SNR and one number of slots. Batch
            statistics would remove the effect of both, which a receiver cannot.
        task_weights: Weight lambda of each task.
        seed: Seed of the batches; a batch depends on it and on the step alone.
    """

    complete_steps: int = 1200
    fde_steps: int = 300
    selected_steps: int = 3500
    learning_rate: float = 1e-3
    vehicles_per_batch: int = 16
    images_per_vehicle: int = 4
    snr_db: tuple[float, float] = (-6.0, 8.0)
    max_transmissions: int = 4
    free_budget: float = 0.5
    fde_features: int = 256
    fixed_statistics: float = 0.4
    task_weights: TaskWeights = ENCODER_TASK_WEIGHTS
    seed: int = 0

    @property
    def importance_weights(self) -> tuple[float, ...]:
        """Weight lambda of each task in FIR (eq. 14): the papers' value, 0 for a task not trained.

        >>> LinkRecipe(task_weights=TaskWeights().only(["color"])).importance_weights
        (0.0, 0.125, 0.0)
        """
        trained = astuple(self.task_weights)
        return tuple(w if on > 0 else 0.0 for w, on in zip(FIR_TASK_WEIGHTS, trained, strict=True))

    def steps(self, fde: bool) -> int:
        """Returns the steps of one scheme's own training, with F or without.

        >>> LinkRecipe().steps(fde=True), LinkRecipe().steps(fde=False)
        (3800, 3500)
        """
        return self.selected_steps + (self.fde_steps if fde else 0)


@dataclass(frozen=True)
class LinkData:
    """Training data of a link.

    Attributes:
        s: Encoder outputs, [images, N].
        labels: Labels of the same images.
        channel: Channel in the loop.
        budget: Features B of a slot at an SNR.
        about: What a checkpoint must share besides: code, channel and slot, which have no value here.
    """

    s: Tensor
    labels: Labels
    channel: TrainingChannel
    budget: FeatureBudget
    about: Mapping[str, Any] = field(default_factory=dict)


def draw_snr(recipe: LinkRecipe, generator: torch.Generator) -> float:
    """Draws the SNR of one batch, in dB.

    >>> draw_snr(LinkRecipe(snr_db=(2.0, 2.0)), torch.Generator())
    2.0
    """
    low, high = recipe.snr_db
    return low + (high - low) * float(torch.rand((), generator=generator))


def draw_slot_size(
    recipe: LinkRecipe, budget: FeatureBudget, snr_db: float, free: float, size: float
) -> int:
    """Returns B of one batch: that of the slot, or a free one in a share of the batches.

    Args:
        recipe: Settings; `free_budget` is the share.
        budget: Features B of a slot at an SNR.
        snr_db: SNR of the batch in dB.
        free: Random number in [0, 1) that decides whether B is free.
        size: Random number in [0, 1) that determines a free B.

    >>> draw_slot_size(LinkRecipe(), lambda snr_db: 33, 0.0, free=0.5, size=0.5)
    33
    >>> draw_slot_size(LinkRecipe(), lambda snr_db: 33, 0.0, free=0.1, size=0.5)
    128
    """
    return round(16 * 64**size) if free < recipe.free_budget else budget(snr_db)


def keep_statistics(network: nn.Module) -> None:
    """Makes batch normalization use its running statistics, as at test time.

    >>> network = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()).train()
    >>> keep_statistics(network)
    >>> [layer.training for layer in network]
    [False, True]
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()


def link_gradients(
    network: nn.Module,
    data: LinkData,
    recipe: LinkRecipe,
    index: Tensor,
    found: tuple[Tensor, TaskOutputs],
    reading: str = "mean",
) -> dict[str, float]:
    """Computes the gradients of L_T + L_CH in all networks but F; returns the loss terms.

    Args:
        network: Network with a buffer `scale` of s.
        data: Training data.
        recipe: Settings of the training.
        index: Rows of the data in this batch, [batch].
        found: s_hat in units of `scale`, and the outputs of the tasks.
        reading: Reading of L_CH, see `semantic.losses.channel_loss`.
    """
    s_hat, outputs = found
    target = Labels(*(column[index] for column in data.labels.columns))
    losses = retrieval_losses(outputs, target, 0.1)
    loss = channel_loss(data.s[index], s_hat, network.get_buffer("scale"), reading)
    (losses.total(recipe.task_weights) + loss).backward()
    clip_all_but_fde(network)
    # One copy to the host for all terms.
    terms = torch.stack([*losses, loss.detach()]).tolist()
    return dict(zip([*losses._fields, "channel"], terms, strict=True))


def clip_all_but_fde(network: nn.Module) -> None:
    """Clips the gradients without those of F: a scheme with F then trains exactly as one without."""
    clip_gradients(p for n, p in network.named_parameters() if not n.startswith("fde."))


def clip_gradients(parameters: Iterable[nn.Parameter], most: float = 5.0) -> None:
    """Scales gradients to a joint norm of at most `most`, as `clip_grad_norm_` does.

    A CPU looks at the norm first: most steps need no scaling, and a factor of 1 changes no number.
    """
    trained = [p for p in parameters if p.grad is not None]
    norm = nn.utils.get_total_norm([p.grad for p in trained if p.grad is not None])
    if norm.device.type != "cpu" or not norm + 1e-6 <= most:
        nn.utils.clip_grads_with_norm_(trained, most, norm)


def task_loss(data: LinkData, recipe: LinkRecipe, index: Tensor, outputs: TaskOutputs) -> Tensor:
    """Returns L_T of the outputs for the rows `index` of the data."""
    target = Labels(*(column[index] for column in data.labels.columns))
    return retrieval_losses(outputs, target, 0.1).total(recipe.task_weights)


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
    """Runs stages that end at the steps `ends`, each with its own one-cycle learning rate.

    Args:
        network: Network to train.
        recipe: Settings of the training.
        what: Name of the training, which its checkpoint records.
        data: Training data, whose labels determine the batches.
        ends: One past the last step of each stage.
        step: Called with a batch's rows, its random generator and its number. It computes the
            gradients and returns the loss terms.
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss terms.
        note: Further settings that a checkpoint must share.
        checkpoint_every: Number of steps between checkpoints. Ctrl-C and SIGTERM save one too.
    """
    trained = [p for p in network.parameters() if p.requires_grad]
    # Fused, it takes a third of the time of the other implementations.
    optimizer = torch.optim.Adam(trained, fused=True)
    sampler = PKSampler(
        data.labels.vehicle.cpu().numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
    )
    data_hash = hash_of(data.s, *data.labels.columns)
    about = {
        "what": what,
        "recipe": asdict(recipe),
        "data": data_hash,
        **data.about,
        **(note or {}),
    }
    network.train()
    first = load_checkpoint(checkpoint, network, optimizer, about)
    with signals_between_steps() as end_of_step, torch.random.fork_rng([]):
        for number in range(first, ends[-1]):
            start = max((end for end in ends if end <= number), default=0)
            end = min(end for end in ends if end > number)
            for group in optimizer.param_groups:
                rate = one_cycle_rate(number - start, end - start, recipe.learning_rate, 0.05)
                group["lr"] = rate
            generator = torch.Generator().manual_seed(step_seed(recipe.seed, 7, number))
            index = torch.from_numpy(sampler.batch(number))
            optimizer.zero_grad(set_to_none=True)
            torch.manual_seed(step_seed(recipe.seed, 8, number))  # of dropout in a user's network
            terms = step(index, generator, number)
            optimizer.step()
            report(number, terms)
            save = partial(save_checkpoint, checkpoint, network, optimizer, number + 1, about)
            end_of_step(save)
            if (number + 1) % checkpoint_every == 0 or number + 1 == ends[-1]:
                save()
