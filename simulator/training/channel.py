"""The simulator's channel as a function for the training loops."""

from __future__ import annotations

import torch
from torch import Tensor

from phy.channel import Channel
from phy.power import normalize_power
from phy.snr import noise_variance
from phy.streams import training_streams
from semantic.training.deepjscc import LatentChannel
from semantic.training.round_trip import TrainingChannel
from simulator.schemes.deepjscc import from_uses, to_uses
from simulator.schemes.iq_mapping import demap_iq, map_iq
from simulator.setup.channel import open_channel
from simulator.training.presets import Preset


def preset_channel(preset: Preset, device: str) -> TrainingChannel:
    """Returns the channel of the training of a preset's links, with the equalizer of its reading.

    Raises:
        ValueError: One line, for an unknown channel or an argument that it does not take.
    """
    channel, reading = open_channel(preset.channel_spec), preset.reading
    return training_channel(channel, device, reading.equalizer, reading.parts)


def training_channel(
    channel: Channel, device: str, equalizer: str = "mrc", parts: str = "real"
) -> TrainingChannel:
    """Returns the channel of the training loop: power control, I/Q mapping, fading, noise.

    Args:
        channel: A channel of the simulator.
        device: Torch device of the features.
        equalizer: Equalizer before the receive buffer.
        parts: "real", or "complex" for both parts of z_hat.
    """

    def send(
        features: Tensor, sent: Tensor, snr_db: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        streams = training_streams(generator, len(features), device)
        z = normalize_power(features, sent.sum(1))
        x = map_iq(z, 1)
        h, _ = channel.draw(streams.for_role("fading"), x.shape[1], None)
        received = channel.apply(x, h, noise_variance(snr_db), streams.for_role("noise"))
        return demap_iq(received, x.shape[1], 1, equalizer, parts)

    return send


def latent_channel(channel: Channel) -> LatentChannel:
    """Returns the channel of the training of deepjscc: power normalization, fading, noise, MMSE.

    Args:
        channel: A channel of the simulator.
    """

    def send(latent: Tensor, snr_db: float, generator: torch.Generator) -> Tensor:
        streams = training_streams(generator, len(latent), str(latent.device))
        x = to_uses(latent)
        h, _ = channel.draw(streams.for_role("fading"), x.shape[1], None)
        received = channel.apply(x, h, noise_variance(snr_db), streams.for_role("noise"))
        return from_uses(received, latent.shape[1])

    return send
