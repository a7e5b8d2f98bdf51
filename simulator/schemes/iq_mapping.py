"""Features on channel uses: one on the in-phase part of each, or one on either part."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from phy.channel import Received
from phy.equalizer import COMBINERS


def pack(z: Tensor, features_per_use: int) -> Tensor:
    """Real features [batch, B] -> complex uses [batch, ceil(B / features_per_use)]."""
    if features_per_use == 1:
        return torch.complex(z, torch.zeros_like(z))
    if z.shape[1] % 2:
        z = torch.cat([z, z.new_zeros(len(z), 1)], 1)
    return torch.complex(z[:, 0::2], z[:, 1::2])


def unpack(
    received: Received, B: int, features_per_use: int, equalizer: str = "mrc"
) -> tuple[Tensor, Tensor]:
    """What the buffer adds up: (SNR times estimate, SNR) of each feature, each [batch, B].

    With "mrc" that is the matched filter, (Re or Im of h* y 2 / no, |h|^2 2 / no): the receiver
    knows h, derotates, and each real part carries noise of variance no / 2. Features that share a
    use share its power: in units of their own power the noise is `features_per_use` as strong.
    """
    y, h, no = received
    if features_per_use == 2:
        y = y * math.sqrt(2)
    matched, weight = COMBINERS[equalizer](Received(y, h, no * (features_per_use / 2)))
    if features_per_use == 1:
        return matched.real, weight
    both = torch.stack([matched.real, matched.imag], 2).flatten(1)
    return both[:, :B], weight.repeat_interleave(2, 1)[:, :B]
