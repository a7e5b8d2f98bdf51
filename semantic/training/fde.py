"""Trains the distortion evaluation network F, everything else standing still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from semantic.buffer import SlotFeatures
from semantic.gumbel import select_distorted
from semantic.losses import channel_mse
from semantic.model import LinkNetwork
from semantic.mutual_information import mine_bound
from semantic.protocol import Protocol
from semantic.training.round_trip import TrainingChannel, play


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
    assert fde is not None
    with torch.no_grad():
        f = network.encode(s)
        buffer, latest, z = play(network, protocol, f, snr_db, B, transmissions, channel, generator)
        seen = network.fde_input(buffer)
        z_hat = seen[:, : z.shape[1]]
        matched, weight = channel(latest.gather(f), latest.sent, snr_db, generator)
    here = (z_hat != 0).any(0)
    joint = fde.pair_score(seen, z_hat, z)[:, here]
    # A batch holds the images of a vehicle side by side: whole vehicles apart, they differ.
    shifts = [images_per_vehicle * k % len(s) for k in (1, 3, 5, 7)]
    others = [fde.pair_score(seen, z_hat, z.roll(k, 0))[:, here] for k in shifts if k]
    information = torch.vmap(mine_bound, in_dims=1)(joint, torch.cat(others)).mean()
    d = network.distortion(buffer).gather(1, latest.position)
    p = select_distorted(
        d, float(d.detach().median()), temperature, generator=generator, valid=latest.sent
    )
    s_hat, _ = network.decode(buffer.add(SlotFeatures(latest, matched * p, weight * p)))
    return channel_mse(s / network.scale, s_hat) - information


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
