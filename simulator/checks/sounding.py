"""How a check sounds a channel: its images, its input, and one transmission as a run sends it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.channel import Channel, Received, gains
from phy.streams import Streams

#: A few images, and what is left of them when some have their ACK.
IMAGES = np.array([3, 14, 15, 92, 65, 35])
LEFT = np.array([4, 1, 2])
USES, NO = 24, 0.25


def sounding_streams(
    images: NDArray[np.int64] = IMAGES, seed: int = 0, device: str = "cpu"
) -> Streams:
    """Returns the streams of an evaluation, at a point that no run has."""
    return Streams(seed, "check", images, device=device)


def sounding_input(batch: int, uses: int) -> Tensor:
    """Returns QPSK symbols of power 1, the same for every call: complex64 [batch, uses]."""
    bits = np.random.default_rng(0).integers(0, 2, (uses, 2, batch)).T
    x = torch.from_numpy((2 * bits - 1).astype(np.float32)) * 0.5**0.5
    return torch.complex(x[:, 0], x[:, 1])


def send(
    channel: Channel, streams: Streams, x: Tensor, state: Any = None, no: float = NO
) -> tuple[Tensor, Received, Any]:
    """Sends one burst as a run does: h, what is received, and the state for the next burst."""
    h, state = channel.draw(streams.for_role("fading"), x.shape[1], state)
    return gains(h), channel.apply(x, h, no, streams.for_role("noise")), state
