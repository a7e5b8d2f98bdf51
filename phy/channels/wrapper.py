"""Channels over another channel: what they change is the gain, the rest is the other's."""

from __future__ import annotations

from torch import Tensor

from phy.channel import Channel, Received
from phy.streams import Streams


class Wrapper(Channel):
    """A channel that multiplies another one's gain; a subclass is final and gives `draw`.

    The other draws from the streams of the role "over", the subclass from roles of its own.

    Args:
        name: Its own, for messages.
        over: The other.

    Raises:
        ValueError: When the other is no channel.
    """

    def __init__(self, name: str, over: Channel) -> None:
        if not isinstance(over, Channel):
            raise ValueError(f"channel {name}: over {over!r} is not allowed, it must be a channel")
        self.over = over
        self.average_gain = over.average_gain

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        """As the other does it."""
        return self.over.apply(x, h, no, streams)

    def scaled(self, h: Tensor, gain: Tensor) -> Tensor:
        """As the other does it."""
        return self.over.scaled(h, gain)

    def pilot_uses(self, uses: int) -> int:
        """As the other needs."""
        return self.over.pilot_uses(uses)


def is_flat(channel: Channel) -> bool:
    """Whether y = h x + n with known h is all there is to it, down to the innermost channel."""
    while isinstance(channel, Wrapper) and type(channel).apply is Wrapper.apply:
        channel = channel.over
    return type(channel).apply is Channel.apply
