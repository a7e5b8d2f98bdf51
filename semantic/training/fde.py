"""Trains the distortion evaluation network F, everything else standing still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from semantic.distortion.gumbel import select_distorted
from semantic.distortion.mine import mine_bound
from semantic.link.buffer import Buffer, SlotFeatures
from semantic.link.network import LinkNetwork
from semantic.link.protocol import Protocol
from semantic.losses import channel_mse
from semantic.training.round_trip import TrainingChannel, play


class ReceivedFeatures(NamedTuple):
    """What a batch's transmissions leave for F to learn from.

    Attributes:
        network: The link, F in it.
        s: [batch, N] encoder outputs.
        buffer: The receiver's, after them.
        z: [batch, L] what was sent of each feature last, 0 where nothing was.
        shifts: Rolls of the batch that give each image another vehicle's place.
    """

    network: LinkNetwork
    s: Tensor
    buffer: Buffer
    z: Tensor
    shifts: tuple[int, ...]


#: What F maximizes beside -L_CH; benchmarks/fde_readings.py compares readings of the paper.
Information = Callable[[ReceivedFeatures], Tensor]


def feature_information(received: ReceivedFeatures) -> Tensor:
    """Bound on what each received feature tells of the one sent, mean over the features, in nats.

    F is MINE's statistics network on pairs of what was received and what was sent, of the same
    image (joint) or of different images of the batch (marginal); see `FdeNetwork.pair_score`.
    """
    fde, z = received.network.fde, received.z
    assert fde is not None
    seen = received.network.fde_input(received.buffer)
    z_hat = seen[:, : z.shape[1]]
    here = (z_hat != 0).any(0)
    joint = fde.pair_score(seen, z_hat, z)[:, here]
    others = [fde.pair_score(seen, z_hat, z.roll(k, 0))[:, here] for k in received.shifts]
    bounds: Tensor = torch.vmap(mine_bound, in_dims=1)(joint, torch.cat(others))
    return bounds.mean()


def fde_loss(
    network: LinkNetwork,
    protocol: Protocol,
    s: Tensor,
    snr_db: float,
    B: int,
    transmissions: int,
    channel: TrainingChannel,
    generator: torch.Generator,
    temperature: float,
    images_per_vehicle: int = 4,
    information: Information = feature_information,
) -> Tensor:
    """L_FDE = L_CH + L_MI (eq. 20), for F alone: everything else passes as a constant.

    L_MI: what F is to maximize, with its sign changed.

    L_CH: the features of the latest slot that F finds distorted are sent once more; what this
    leaves of the error of s_hat reaches F through the multi-dimensional straight-through
    Gumbel-softmax (eq. 8-12).
    """
    with torch.no_grad():
        f = network.encode(s)
        buffer, latest, z = play(network, protocol, f, snr_db, B, transmissions, channel, generator)
        matched, weight = channel(latest.gather(f), latest.sent, snr_db, generator)
    # A batch holds the images of a vehicle side by side: whole vehicles apart, they differ.
    shifts = (images_per_vehicle * k % len(s) for k in (1, 3, 5, 7))
    received = ReceivedFeatures(network, s, buffer, z, tuple(k for k in shifts if k))
    d = network.distortion(buffer).gather(1, latest.position)
    p = select_distorted(
        d, float(d.detach().median()), temperature, generator=generator, valid=latest.sent
    )
    s_hat, _ = network.decode(buffer.add(SlotFeatures(latest, matched * p, weight * p)))
    return channel_mse(s / network.scale, s_hat) - information(received)


@contextmanager
def only_fde(network: LinkNetwork) -> Iterator[None]:
    """Freezes everything but F, batch statistics too, for as long as it lasts."""
    trained = [p for n, p in network.named_parameters() if p.requires_grad and "fde." not in n]
    modules = [m for n, m in network.named_children() if n != "fde" and m.training]
    for parameter in trained:
        parameter.requires_grad_(False)
    for module in modules:
        module.eval()
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
        for module in modules:
            module.train()
