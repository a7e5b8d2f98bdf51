"""Training of the networks behind the encoder, on precomputed s, with the channel in the loop.

    s -> f -> [select -> z -> channel -> buffer -> detector] x G -> s_hat -> tasks -> L_T + L_CH

The first stage trains the link with all of f sent; all schemes share it. The importance of every
feature is then measured. The second stage trains each scheme by its own protocol: first F alone,
if the scheme has it, then all networks with B features in a slot. The channel is an argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.distortion.gumbel import annealed_temperature
from semantic.link.importance import FIR_TASK_WEIGHTS, ImportanceMean, importance
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.link.selector import Plan
from semantic.link.stopping import stopping_of
from semantic.training.encoder import step_seed
from semantic.training.fde import Information, fde_loss, information_of, only_fde
from semantic.training.loop import (
    LinkData,
    LinkRecipe,
    Report,
    clip_all_but_fde,
    clip_gradients,
    draw_slot_size,
    draw_snr,
    keep_statistics,
    link_gradients,
    task_loss,
    train_loop,
)
from semantic.training.products import onednn_products
from semantic.training.round_trip import (
    FeatureBudget,
    TrainingChannel,
    harq_round_trip,
    transmit_slot,
)

#: Protocol of the first stage: all of f in one slot.
COMPLETE = Protocol(retransmit="none", transmissions="all")


def scale_of(s: Tensor) -> Tensor:
    """Returns the root mean square of each feature of s [images, N], bounded away from zero.

    >>> scale_of(torch.tensor([[3.0, 0.0], [3.0, 4.0]]))
    tensor([3.0000, 2.8284])
    """
    return s.square().mean(0).sqrt().clamp_min(1e-3 * float(s.std()))


def train_complete(
    network: LinkNetwork, data: LinkData, recipe: LinkRecipe, checkpoint: Path, report: Report
) -> LinkNetwork:
    """Trains a link with all of f sent, then measures the importance of each feature.

    Args:
        network: New network; its performers may be the encoder's.
        data: Training data.
        recipe: Settings of the training.
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss terms.

    Returns:
        The same network, with scale and order set.
    """
    network.scale.copy_(scale_of(data.s))

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        snr_db = draw_snr(recipe, generator)
        return _link_step(
            network, COMPLETE, data, recipe, index, snr_db, CODED_FEATURES, 1, generator
        )

    ends = (recipe.complete_steps,)
    with onednn_products(network):
        note = network.settings
        train_loop(network, recipe, "complete", data, ends, step, checkpoint, report, note)
    measure_order(network, data, recipe)
    return network.eval()


def measure_order(network: LinkNetwork, data: LinkData, recipe: LinkRecipe) -> None:
    """Sets the order of the features by their importance on the training images."""
    generator = torch.Generator().manual_seed(step_seed(recipe.seed, 8))
    order = measure_importance(
        network, data.s, data.channel, generator, recipe.snr_db, recipe.importance_weights
    )
    network.order.copy_(order)


def train_scheme(
    network: LinkNetwork,
    protocol: Protocol,
    data: LinkData,
    recipe: LinkRecipe,
    checkpoint: Path,
    report: Report,
    information: Information | None = None,
) -> LinkNetwork:
    """Trains a scheme by its own protocol. Thresholds are calibrated afterwards.

    Args:
        network: Network trained by `train_complete`.
        protocol: Protocol of the scheme.
        data: Training data.
        recipe: Settings of the training.
        checkpoint: Checkpoint file; if it exists, training resumes from it.
        report: Called after each step with the loss terms.
        information: Information term that F maximizes; None for that of the network's reading.

    Returns:
        The same network, in evaluation mode.
    """
    alone = recipe.fde_steps if network.fde is not None else 0
    total = recipe.steps(network.fde is not None)

    def step(index: Tensor, generator: torch.Generator, number: int) -> dict[str, float]:
        snr_db = draw_snr(recipe, generator)
        B, transmissions = _draw_slot(protocol, recipe, data.budget, snr_db, generator)
        terms: dict[str, float] = {}
        if number >= alone:
            if number - alone >= recipe.fixed_statistics * recipe.selected_steps:
                keep_statistics(network)
            terms = _link_step(
                network, protocol, data, recipe, index, snr_db, B, transmissions, generator
            )
        if network.fde is not None:
            printed = network.reading.losses == "printed" and number >= alone
            with nullcontext() if printed else only_fde(network):
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
                    information or information_of(network),
                    partial(task_loss, data, recipe, index) if printed else None,
                )
                loss.backward()
            clip_gradients(network.fde.parameters())
            if printed:
                clip_all_but_fde(network)
            terms["fde"] = float(loss.detach())
        return terms

    ends = (alone, total) if alone else (total,)
    note = {**network.settings, "protocol": asdict(protocol)}
    with onednn_products(network):
        train_loop(network, recipe, "scheme", data, ends, step, checkpoint, report, note)
    return network.eval()


def measure_importance(
    network: LinkNetwork,
    s: Tensor,
    channel: TrainingChannel,
    generator: torch.Generator,
    snr_range_db: tuple[float, float] = (-6.0, 8.0),
    weights: Sequence[float] = FIR_TASK_WEIGHTS,
) -> Tensor:
    """Returns the positions of f in descending mean importance over the training set, [L].

    The importance is that of FIR (SemHARQ eq. 13-14) with all of f sent, at SNRs over the range.

    Args:
        network: Trained network; it returns in training mode.
        s: Encoder outputs, [images, N].
        channel: Channel in the loop.
        generator: Source of fading and noise.
        snr_range_db: Lowest and highest SNR in dB.
        weights: Weight lambda of each task.
    """
    network.eval()
    low, high = snr_range_db
    mean = ImportanceMean()
    for i, rows in enumerate(s.split(512)):
        snr_db = low + (high - low) * (i % 8) / 7
        f = network.encode(rows).detach()

        def probabilities(f: Tensor, snr_db: float = snr_db) -> tuple[Tensor, ...]:
            plan = Plan.empty(len(f), f.device).next(network.order, None, CODED_FEATURES)
            empty = network.empty_buffer(len(f))
            buffer, _ = transmit_slot(f, empty, plan, snr_db, channel, generator)
            return network.decode(buffer)[1].probabilities

        mean.add(importance(probabilities, f, weights, network.reading.criterion))
    network.train()
    return mean.order()


def _draw_slot(
    protocol: Protocol,
    recipe: LinkRecipe,
    budget: FeatureBudget,
    snr_db: float,
    generator: torch.Generator,
) -> tuple[int, int]:
    """Draws B and the number of transmissions of one batch."""
    free, size, count = torch.rand(3, generator=generator).tolist()
    B = draw_slot_size(recipe, budget, snr_db, free, size)
    return stopping_of(protocol.transmissions).training_slots(B, count, recipe.max_transmissions)


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
    """Simulates one batch and computes the gradients; returns the loss terms."""
    s = data.s[index]
    found = harq_round_trip(network, protocol, s, snr_db, B, transmissions, data.channel, generator)
    reading = network.reading.channel_loss
    return link_gradients(network, data, recipe, index, found, reading)
