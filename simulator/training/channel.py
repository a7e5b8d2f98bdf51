"""The simulator's channel as a function for the training loop."""

from __future__ import annotations

import torch
from torch import Tensor

from phy.channel import Channel
from phy.power import normalize_power
from phy.snr import noise_variance
from phy.streams import training_streams
from semantic.training.round_trip import TrainingChannel
from simulator.schemes.iq_mapping import demap_iq, map_iq


def training_channel(channel: Channel, device: str) -> TrainingChannel:
    """Returns the channel of the training loop: power control, I/Q mapping, fading, noise.

    Args:
        channel: A channel of the simulator.
        device: Torch device of the features.
    """

    def send(
        features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        streams = training_streams(generator, len(features), device)
        z = normalize_power(features, sent.sum(1))
        x = map_iq(z, 1)
        h, _ = channel.draw(streams.for_role("fading"), x.shape[1], None)
        received = channel.apply(x, h, noise_variance(snr_db), streams.for_role("noise"))
        return demap_iq(received, x.shape[1], 1)

    return send
