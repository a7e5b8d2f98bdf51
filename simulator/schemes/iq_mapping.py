"""I/Q mapping: one feature on the in-phase part of a channel use, or one on I and one on Q."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from phy.channel import Received
from phy.equalizer import COMBINERS


def map_iq(z: Tensor, features_per_use: int) -> Tensor:
    """Maps real features [batch, B] to complex uses [batch, ceil(B / features_per_use)].

    >>> map_iq(torch.tensor([[1.0, 2.0, 3.0]]), 2)
    tensor([[1.+2.j, 3.+0.j]])
    """
    if features_per_use == 1:
        return torch.complex(z, torch.zeros_like(z))
    if z.shape[1] % 2:
        z = torch.cat([z, z.new_zeros(len(z), 1)], 1)
    return torch.complex(z[:, 0::2], z[:, 1::2])


def demap_iq(
    received: Received,
    B: int,
    features_per_use: int,
    equalizer: str = "mrc",
    parts: str = "real",
) -> tuple[Tensor, Tensor]:
    """Returns the input of the receive buffer: (SNR times estimate, SNR) of each feature.

    With "mrc" this is the matched filter, (Re or Im of h* y 2 / no, |h|^2 2 / no): the receiver
    knows h and removes its phase, and each real part carries noise of variance no / 2. Two features
    on a use share its power, so that the noise is twice as strong in units of each one's power.

    Args:
        received: Channel output of a burst.
        B: Features of the burst.
        features_per_use: 1 or 2.
        equalizer: A name in `phy.equalizer.COMBINERS`.
        parts: "complex" keeps the quadrature part beside the in-phase one; of one feature per use.

    Returns:
        Two tensors [batch, B]; the first one is complex if `parts` is.
    """
    y, h, no = received
    if features_per_use == 2:
        y = y * math.sqrt(2)
    matched, weight = COMBINERS[equalizer](Received(y, h, no * (features_per_use / 2)))
    if features_per_use == 1:
        return matched if parts == "complex" else matched.real, weight
    both = torch.stack([matched.real, matched.imag], 2).flatten(1)
    return both[:, :B], weight.repeat_interleave(2, 1)[:, :B]
