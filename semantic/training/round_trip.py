"""The link in training: slots through a channel, with retransmission requests.

The order of features and the requests are those of the simulator (`semantic.link.order`,
`semantic.link.retransmission`), on the same plan of slots (`semantic.link.selector`).

f -> [select -> z -> channel -> buffer -> detector] x G -> s_hat -> tasks
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from semantic.link.buffer import Buffer, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.order import image_importance, order_of, ranked
from semantic.link.protocol import Protocol
from semantic.link.retransmission import median_of_sent, retransmission_of
from semantic.link.selector import Plan, Selection
from semantic.tasks import TaskOutputs

#: The channel in training: (features [batch, B], which of them are sent, snr_db, generator) ->
#: (matched filter's output, weight), each [batch, B]; includes power control.
TrainingChannel = Callable[[Tensor, Tensor, float, torch.Generator], tuple[Tensor, Tensor]]
#: Features B of a slot at an SNR in dB.
FeatureBudget = Callable[[float], int]


class Played(NamedTuple):
    """The state after some transmissions.

    Attributes:
        buffer: The receive buffer.
        latest: Features of the last slot.
        sent: [batch, L] last transmitted value of each feature, in units of the received ones.
    """

    buffer: Buffer
    latest: Selection
    sent: Tensor


def sending_order(
    network: LinkNetwork,
    protocol: Protocol,
    f: Tensor,
    snr_db: float,
    generator: torch.Generator,
) -> Tensor:
    """Returns the order of new features of f [batch, L]: [L], or [batch, L] for one of each image."""
    if network.reading.own_order(protocol):
        return image_order(network, f, snr_db)
    return order_of(protocol, network).drawn(len(f), generator)


def image_order(network: LinkNetwork, f: Tensor, snr_db: float) -> Tensor:
    """Returns the order of importance [batch, L] of each image by itself, as a run computes it.

    Batch normalization uses its running statistics meanwhile, so that images do not mix.
    """
    uses = torch.full((len(f),), f.shape[1], device=f.device)
    trained = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d) and m.training]
    for module in trained:
        module.eval()
    expected = 2 * 10 ** (snr_db / 10)
    with torch.inference_mode(False):  # the gradient needs a graph
        ind = image_importance(network, f.detach().clone(), expected, lambda f: unit_power(f, uses))
    for module in trained:
        module.train()
    return ranked(ind)


def transmit_slot(
    f: Tensor,
    buffer: Buffer,
    plan: Plan,
    snr_db: float,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> tuple[Buffer, SlotFeatures]:
    """Returns (buffer, slot) after one slot of the training loop: gather, send, combine."""
    assert plan.selection is not None
    features = plan.selection.gather(f)
    matched, weight = channel(features, plan.selection.sent, snr_db, generator)
    slot = SlotFeatures(plan.selection, matched, weight)
    return buffer.add(slot), slot


def retransmission_request(
    network: LinkNetwork, protocol: Protocol, buffer: Buffer, latest: Selection, sent: Tensor
) -> Tensor | None:
    """Returns the request [batch, B] over the latest features; of the distorted, the upper half."""
    rule = retransmission_of(protocol.retransmit, median_of_sent)
    with torch.no_grad():
        return rule.request(latest, lambda: network.distortion(buffer, sent))


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
    """Sends f [batch, L] in a given number of slots of B features."""
    order = sending_order(network, protocol, f, snr_db, generator)
    f = network.reading.sent_values(f, protocol)
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
    """Returns (s_hat, task outputs) of s after a given number of transmissions."""
    f = network.encode(s)
    played = play(network, protocol, f, snr_db, B, transmissions, channel, generator)
    return network.decode(played.buffer)


def unit_power(features: Tensor, uses: Tensor) -> Tensor:
    """Returns features [batch, B] in the units in which power control sends them, P = 1."""
    power = features.square().sum(1) / uses.clamp_min(1)
    return features / power.sqrt().clamp_min(1e-9)[:, None]
