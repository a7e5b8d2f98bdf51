"""Channels that wrap another channel and change its gain."""

from __future__ import annotations

from typing import Any

from jaxtyping import Complex
from torch import Tensor

from phy.channel import Channel, Received
from phy.streams import Streams


class Wrapper(Channel):
    """A channel that multiplies the gain of another channel.

    A subclass is final and defines `draw`. The wrapped channel draws from the streams of the role
    "over", the subclass from roles of its own.

    Args:
        name: Name of the wrapper in messages.
        over: Wrapped channel.

    Raises:
        ValueError: When `over` is not a channel.
    """

    def __init__(self, name: str, over: Channel) -> None:
        if not isinstance(over, Channel):
            raise ValueError(f"channel {name}: over {over!r} is not allowed, it must be a channel")
        self.over = over
        self.average_gain = over.average_gain

    def apply(
        self, x: Complex[Tensor, "batch uses"], h: Any, no: float, streams: Streams
    ) -> Received:
        """Sends one burst through the wrapped channel; see `Channel.apply`."""
        return self.over.apply(x, h, no, streams)

    def pilot_uses(self, uses: int) -> int:
        """Returns the pilot uses of the wrapped channel."""
        return self.over.pilot_uses(uses)


def is_flat(channel: Channel) -> bool:
    """Returns whether a channel is y = h x + n with known h, down to the innermost channel.

    Args:
        channel: Channel, which may wrap others.

    >>> from phy.channels.fading import Rayleigh
    >>> from phy.ofdm.tdl import tdl
    >>> is_flat(Rayleigh()), is_flat(tdl("c", csi="ls"))
    (True, False)
    """
    while isinstance(channel, Wrapper) and type(channel).apply is Wrapper.apply:
        channel = channel.over
    return type(channel).apply is Channel.apply
