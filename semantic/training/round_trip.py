"""The link as training plays it: slots through a channel, with what the receiver asks for again.

f -> [select -> z -> channel -> buffer -> detector] x G -> s_hat -> tasks
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.buffer import Buffer, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.link.selector import Plan, Selection
from semantic.tasks import TaskOutputs

#: The channel as training sees it: (features [batch, B], which of them are sent, snr_db,
#: generator) -> matched filter's output and weight, each [batch, B], power control included.
TrainingChannel = Callable[[Tensor, Tensor, float, torch.Generator], tuple[Tensor, Tensor]]
#: Features B of a slot at an SNR in dB.
FeatureBudget = Callable[[float], int]


class Played(NamedTuple):
    """What some transmissions leave behind.

    Attributes:
        buffer: The receiver's.
        latest: The last slot's features.
        sent: [batch, L] what was sent of each feature last, in the units of the received ones.
    """

    buffer: Buffer
    latest: Selection
    sent: Tensor


def sending_order(
    network: LinkNetwork, protocol: Protocol, batch: int, generator: torch.Generator
) -> Tensor:
    """The order in which new features go, [L], or [batch, L] where each image has its own."""
    if protocol.order == "importance":
        return network.order
    if protocol.order == "sequential":
        return torch.arange(CODED_FEATURES, device=network.order.device)
    drawn = torch.rand(batch, CODED_FEATURES, generator=generator)
    return drawn.argsort(1).to(network.order.device)


def transmit_slot(
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


def retransmission_request(
    network: LinkNetwork, protocol: Protocol, buffer: Buffer, latest: Selection, sent: Tensor
) -> Tensor | None:
    """[batch, B] which of the latest features go again; of the distorted, the upper half."""
    if protocol.retransmit == "none":
        return None
    if protocol.retransmit == "all":
        return latest.sent
    with torch.no_grad():
        d = network.distortion(buffer, sent).gather(1, latest.position)
        known = d.masked_fill(~latest.sent, torch.nan)
        return (d >= known.nanmedian(1, keepdim=True).values) & latest.sent


def play(
    network: LinkNetwork,
    protocol: Protocol,
    f: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> Played:
    """Sends f [batch, L] in some slots of B features."""
    order = sending_order(network, protocol, len(f), generator)
    buffer, plan = network.empty_buffer(len(f)), Plan.empty(len(f), f.device)
    sent, request = torch.zeros_like(f), None
    for transmission in range(transmissions):
        plan = plan.next(order, request, B)
        buffer, slot = transmit_slot(f, buffer, plan, snr_db, channel, generator)
        latest = slot.selection
        z = latest.spread(unit_power(latest.gather(f), latest.uses))
        sent = torch.where(latest.spread(latest.sent), z, sent)
        if transmission + 1 < transmissions:
            request = retransmission_request(network, protocol, buffer, latest, sent)
    return Played(buffer, latest, sent)


def harq_round_trip(
    network: LinkNetwork,
    protocol: Protocol,
    s: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> tuple[Tensor, TaskOutputs]:
    """s -> (s_hat, task outputs) after a given number of transmissions."""
    f = network.encode(s)
    played = play(network, protocol, f, snr_db, B, transmissions, channel, generator)
    return network.decode(played.buffer)


def unit_power(features: Tensor, uses: Tensor) -> Tensor:
    """Features [batch, B] in the units in which power control sends them, P = 1."""
    power = features.square().sum(1) / uses.clamp_min(1)
    return features / power.sqrt().clamp_min(1e-9)[:, None]
