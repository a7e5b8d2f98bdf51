"""Trains everything behind the encoder, on s computed once, with the channel in the loop.

    s -> f -> [select -> z -> channel -> buffer -> FDE] x G -> s_hat -> tasks -> L_T + L_CH + L_MI

Three stages, as in the papers: FDE alone; the whole system with f sent complete, after which the
importance of every feature is measured; the whole system with the B most important features a
slot. The channel is an argument: this package knows none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from semantic.buffer import Buffer, SlotFeatures
from semantic.fde import FdeNetwork
from semantic.gumbel import annealed_temperature, select_distorted
from semantic.importance import ImportanceMean, importance
from semantic.losses import TaskWeights, channel_mse
from semantic.model import LinkNetwork
from semantic.mutual_information import mine_bound
from semantic.selector import LENGTH, Plan, Selection
from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.training.checkpoint import load_checkpoint, save_checkpoint
from semantic.training.encoder import TASK_WEIGHTS, one_cycle_rate, retrieval_losses, step_seed
from semantic.training.labels import Labels
from semantic.training.sampler import PKSampler

#: The channel as training sees it: (features [batch, B], which of them are sent, snr_db,
#: generator) -> matched filter's output and weight, each [batch, B], power control included.
TrainingChannel = Callable[[Tensor, Tensor, float, torch.Generator], tuple[Tensor, Tensor]]
#: B at an SNR in dB.
Budget = Callable[[float], int]


@dataclass(frozen=True)
class LinkRecipe:
    """How the link is trained.

    Attributes:
        fde_steps, complete_steps, selected_steps: Steps of the three stages.
        learning_rate: Peak of each stage's one-cycle schedule, Adam.
        vehicles_per_batch, images_per_vehicle: P and K.
        snr_db: Range from which each batch's SNR is drawn.
        max_transmissions: A batch of stage 3 is sent 1 to this many times.
        free_budget: Share of the batches of stage 3 whose B is drawn log-uniformly from
            [16, 1024] instead of following the slot, so that other T and W work too.
        fde_features: Most features in a slot of the FDE's own training step (memory).
        task_weights: lambda of each task.
        seed: With the step, all that a batch depends on.
    """

    fde_steps: int = 300
    complete_steps: int = 1200
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


def transmit_slot(
    network: LinkNetwork,
    f: Tensor,
    buffer: Buffer,
    plan: Plan,
    snr_db: float,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> tuple[Buffer, SlotFeatures]:
    """One slot of the training loop: gather, send, combine."""
    assert plan.selection is not None
    features = plan.selection.gather(f)
    matched, weight = channel(features, plan.selection.sent, snr_db, generator)
    slot = SlotFeatures(plan.selection, matched, weight)
    return buffer.add(slot), slot


def most_distorted(network: LinkNetwork, buffer: Buffer, latest: Selection) -> Tensor | None:
    """The half of each image's latest features that the FDE network trusts least, [batch, B]."""
    if network.fde is None:
        return None
    with torch.no_grad():
        d = network.distortion(buffer).gather(1, latest.position)
        known = d.masked_fill(~latest.sent, torch.nan)
        return (d >= known.nanmedian(1, keepdim=True).values) & latest.sent


def harq_round_trip(
    network: LinkNetwork,
    s: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> tuple[Tensor, TaskOutputs]:
    """s -> (s_hat, task outputs) after a given number of transmissions."""
    buffer, _, _ = play(network, network.encode(s), snr_db, B, transmissions, channel, generator)
    return network.decode(buffer)


def fde_loss(
    network: LinkNetwork,
    s: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
    temperature: float,
    images_per_vehicle: int = 4,
) -> Tensor:
    """L_FDE = L_CH + L_MI (eq. 20), for F alone: everything else passes as a constant.

    L_MI: F is MINE's statistics network on pairs of what was received and what was sent, of the
    same image (joint) or of different images of the batch (marginal), feature by feature, in nats
    per received feature; see `FdeNetwork.pair_score`.

    L_CH: the features of the latest slot that F finds distorted are sent once more; what this
    leaves of the error of s_hat reaches F through the multi-dimensional straight-through
    Gumbel-softmax (eq. 8-12).
    """
    fde = network.fde
    assert isinstance(fde, FdeNetwork)
    with torch.no_grad():
        f = network.encode(s)
        buffer, latest, z = play(network, f, snr_db, B, transmissions, channel, generator)
        z_hat = network.fde_input(buffer)
        matched, weight = channel(latest.gather(f), latest.sent, snr_db, generator)
    here = (z_hat != 0).any(0)
    joint = fde.pair_score(z_hat, z)[:, here]
    # A batch holds the images of a vehicle side by side: whole vehicles apart, they differ.
    shifts = [images_per_vehicle * k % len(s) for k in (1, 3, 5, 7)]
    marginal = torch.cat([fde.pair_score(z_hat, z.roll(k, 0))[:, here] for k in shifts if k])
    information = torch.vmap(mine_bound, in_dims=1)(joint, marginal).mean()
    d = network.distortion(buffer).gather(1, latest.position)
    p = select_distorted(
        d, float(d.detach().median()), temperature, generator=generator, valid=latest.sent
    )
    s_hat, _ = network.decode(buffer.add(SlotFeatures(latest, matched * p, weight * p)))
    return channel_mse(s / network.scale, s_hat) - information


def play(
    network: LinkNetwork,
    f: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> tuple[Buffer, Selection, Tensor]:
    """Sends f in some slots: (buffer, the latest slot's features, what was sent [batch, L])."""
    buffer, plan = network.empty_buffer(len(f)), Plan.empty(len(f), f.device)
    sent, request = torch.zeros_like(f), None
    for _ in range(transmissions):
        plan = plan.next(network.order, request, B)
        buffer, slot = transmit_slot(network, f, buffer, plan, snr_db, channel, generator)
        latest = slot.selection
        z = latest.spread(unit_power(latest.gather(f), latest.uses))
        sent = torch.where(latest.spread(latest.sent), z, sent)
        request = most_distorted(network, buffer, latest)
    return buffer, latest, sent


def unit_power(features: Tensor, uses: Tensor) -> Tensor:
    """Features [batch, B] in the units in which power control sends them, P = 1."""
    power = features.square().sum(1) / uses.clamp_min(1)
    return features / power.sqrt().clamp_min(1e-9)[:, None]


def measure_importance(
    network: LinkNetwork,
    s: Tensor,
    channel: TrainingChannel,
    generator: torch.Generator,
    snr_range_db: tuple[float, float] = (-6.0, 8.0),
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
            buffer, _ = transmit_slot(network, f, empty, plan, snr_db, channel, generator)
            return network.decode(buffer)[1].probabilities

        mean.add(importance(probabilities, f, (1.0, 0.125, 0.125)))
    network.train()
    return mean.order()


def train_link(
    network: LinkNetwork,
    s: Tensor,
    labels: Labels,
    channel: TrainingChannel,
    budget: Budget,
    recipe: LinkRecipe,
    checkpoint: Path,
    report: Callable[[int, dict[str, float]], None],
    checkpoint_every: int = 500,
    clean: TaskPerformers | None = None,
) -> LinkNetwork:
    """Trains the three stages, from the checkpoint where there is one.

    Args:
        network: Fresh.
        s: [images, N] encoder outputs of the training images.
        labels: Of the same images.
        channel: The channel in the loop.
        budget: B at an SNR.
        recipe: Steps and rates.
        checkpoint: File that is replaced every `checkpoint_every` steps.
        report: Called each step with the loss terms.
        checkpoint_every: Steps between checkpoints.
        clean: Performers trained on s itself, from which the network's start.

    Returns:
        The trained network, its order measured after stage 2; thresholds are not yet calibrated.
    """
    network.scale.copy_(s.square().mean(0).sqrt().clamp_min(1e-3 * float(s.std())))
    if clean is not None:
        network.start_from(clean)
    optimizer = torch.optim.Adam(network.parameters())
    sampler = PKSampler(
        labels.vehicle.cpu().numpy(),
        recipe.vehicles_per_batch,
        recipe.images_per_vehicle,
        recipe.seed,
    )
    note = {"recipe": asdict(recipe), "images": len(s), "buffer": network.buffer_name}
    ends = (recipe.fde_steps, recipe.fde_steps + recipe.complete_steps)
    total = ends[1] + recipe.selected_steps
    network.train()
    for step in range(load_checkpoint(checkpoint, network, optimizer, note), total):
        generator = torch.Generator().manual_seed(step_seed(recipe.seed, 7, step))
        if step == ends[1]:
            order = measure_importance(network, s, channel, generator, recipe.snr_db)
            network.order.copy_(order)
        stage, start, end = (
            (1, 0, ends[0])
            if step < ends[0]
            else (2, *ends)
            if step < ends[1]
            else (3, ends[1], total)
        )
        for group in optimizer.param_groups:
            group["lr"] = one_cycle_rate(step - start, end - start, recipe.learning_rate, 0.05)
        index = torch.from_numpy(sampler.batch(step))
        target = Labels(*(column[index] for column in labels.columns))
        terms = train_step(
            network,
            s[index],
            target,
            optimizer,
            stage,
            channel,
            budget,
            recipe,
            generator,
            annealed_temperature(step / total),
        )
        report(step, terms)
        if (step + 1) % checkpoint_every == 0 or step + 1 == total:
            save_checkpoint(checkpoint, network, optimizer, step + 1, note)
    return network.eval()


def train_step(
    network: LinkNetwork,
    s: Tensor,
    labels: Labels,
    optimizer: torch.optim.Optimizer,
    stage: int,
    channel: TrainingChannel,
    budget: Budget,
    recipe: LinkRecipe,
    generator: torch.Generator,
    temperature: float,
) -> dict[str, float]:
    """One step of one stage; returns the loss terms."""
    low, high = recipe.snr_db
    draw = torch.rand(4, generator=generator).tolist()
    snr_db = low + (high - low) * draw[0]
    B, transmissions = LENGTH, 1
    if stage == 3:
        B = round(16 * 64 ** draw[2]) if draw[1] < recipe.free_budget else budget(snr_db)
        transmissions = 1 + int(draw[3] * recipe.max_transmissions)
    optimizer.zero_grad(set_to_none=True)
    terms: dict[str, float] = {}
    if stage > 1:
        s_hat, outputs = harq_round_trip(network, s, snr_db, B, transmissions, channel, generator)
        task_terms = retrieval_losses(outputs, labels, 0.1)
        mse = channel_mse(s / network.scale, s_hat)
        (task_terms.total(recipe.task_weights) + mse).backward()
        terms = {k: float(v.detach()) for k, v in task_terms._asdict().items()}
        terms["mse"] = float(mse.detach())
    if network.fde is not None:
        only_fde(network, True)
        loss = fde_loss(
            network,
            s,
            snr_db,
            min(B, recipe.fde_features),
            transmissions,
            channel,
            generator,
            temperature,
            recipe.images_per_vehicle,
        )
        loss.backward()
        only_fde(network, False)
        terms["fde"] = float(loss.detach())
    nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
    return terms


def only_fde(network: LinkNetwork, frozen: bool) -> None:
    """Freezes everything but F (and batch statistics), or lets it go again."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not frozen or name.startswith("fde."))
    for name, module in network.named_children():
        if name != "fde":
            module.train(not frozen)
