"""Trains everything behind the encoder, on s computed once, with the channel in the loop.

    s -> f -> [select -> z -> channel -> buffer -> detector] x G -> s_hat -> tasks -> L_T + L_CH

First the whole link with f sent complete, which all schemes share; then the importance of every
feature is measured. After that each scheme by its own protocol: F alone, where it has one, then the
whole with B features a slot. The channel is an argument: this package knows none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from semantic.conventions import CODED_FEATURES
from semantic.distortion.gumbel import annealed_temperature
from semantic.link.importance import TASK_WEIGHTS as FIR_WEIGHTS
from semantic.link.importance import ImportanceMean, importance
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.link.selector import Plan
from semantic.link.stopping import stopping_of
from semantic.training.encoder import step_seed
from semantic.training.fde import Information, fde_loss, feature_information, only_fde
from semantic.training.loop import (
    LinkData,
    LinkRecipe,
    Report,
    draw_slot_size,
    draw_snr,
    keep_statistics,
    link_gradients,
    train_loop,
)
from semantic.training.round_trip import Budget, TrainingChannel, harq_round_trip, transmit_slot

#: How f is sent complete.
COMPLETE = Protocol(retransmit="none", transmissions="all")


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
        snr_db = draw_snr(recipe, generator)
        return _link_step(
            network, COMPLETE, data, recipe, index, snr_db, CODED_FEATURES, 1, generator
        )

    note = {"buffer": network.buffer_name}
    ends = (recipe.complete_steps,)
    train_loop(network, recipe, "complete", data, ends, step, checkpoint, report, note)
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
    information: Information = feature_information,
) -> LinkNetwork:
    """Trains a scheme by its own protocol, from a network that has been trained with f complete.

    Args and result as for `train_complete`; `information` is what F maximizes. Thresholds are not
    yet calibrated.
    """
    alone = recipe.fde_steps if network.fde is not None else 0
    total = alone + recipe.selected_steps

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
                    information,
                )
                loss.backward()
            nn.utils.clip_grad_norm_(network.fde.parameters(), 5.0)
            terms["fde"] = float(loss.detach())
        return terms

    ends = (alone, total) if alone else (total,)
    note = {"buffer": network.buffer_name, "protocol": asdict(protocol)}
    train_loop(network, recipe, "scheme", data, ends, step, checkpoint, report, note)
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
            plan = Plan.empty(len(f), f.device).next(network.order, None, CODED_FEATURES)
            empty = network.empty_buffer(len(f))
            buffer, _ = transmit_slot(f, empty, plan, snr_db, channel, generator)
            return network.decode(buffer)[1].probabilities

        mean.add(importance(probabilities, f, weights))
    network.train()
    return mean.order()


def _draw_slot(
    protocol: Protocol,
    recipe: LinkRecipe,
    budget: Budget,
    snr_db: float,
    generator: torch.Generator,
) -> tuple[int, int]:
    """(B, transmissions) of one batch."""
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
    """One round trip and its gradients."""
    s = data.s[index]
    found = harq_round_trip(network, protocol, s, snr_db, B, transmissions, data.channel, generator)
    return link_gradients(network, data, recipe, index, found)
