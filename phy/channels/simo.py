"""Several receive antennas with maximum-ratio combining over any flat channel."""

from __future__ import annotations

from typing import Annotated, Any, final

import torch
from jaxtyping import Complex
from torch import Tensor

from phy.channel import Channel, gains
from phy.channels.parameters import Domain
from phy.channels.wrapper import Wrapper, is_flat
from phy.streams import Streams

ANTENNAS = Domain(1, 64)


@final
class Simo(Wrapper):
    """A receiver with N antennas, after maximum-ratio combining.

    ```
    y_i = h_i x + n_i, i = 1 ... N,  n_i ~ CN(0, no)
    y = sum_i h_i* y_i / ||h|| = ||h|| x + n,  ||h||^2 = sum_i |h_i|^2,  n ~ CN(0, no)
    ```

    For known h the combiner output y is a sufficient statistic, and its noise is CN(0, no) for any
    h. So one gain ||h|| and one noise sample per use are drawn. E||h||^2 is N times E|h_i|^2 of the
    wrapped channel: the SNR of a curve is that of one antenna, and the curve contains the array
    gain of 10 log10 N dB.

    The antennas fade independently, all with the law of `over`. A channel that wraps this one, such
    as shadowing, is common to all antennas.

    Source: Brennan, "Linear diversity combining techniques", Proc. IRE 47(6), 1959.

    Args:
        over: Channel of one antenna, flat and with known h.
        antennas: Number of antennas N, from 1 to 64.

    Raises:
        ValueError: When N is out of range, or `over` is not flat or not known to the receiver.
    """

    def __init__(self, over: Channel, antennas: Annotated[int, ANTENNAS] = 2) -> None:
        super().__init__("simo", over)
        whole = isinstance(antennas, int) and not isinstance(antennas, bool)
        if not (whole and ANTENNAS.allows(antennas)):
            raise ValueError(
                f"channel simo: antennas {antennas} is not allowed, it must be whole, from 1 to 64"
            )
        if not is_flat(over):
            raise ValueError(
                f"channel simo: over {type(over).__name__} is not allowed, "
                "it must be flat and known to the receiver"
            )
        self.antennas = antennas
        self.average_gain = antennas * over.average_gain

    def draw(
        self, streams: Streams, uses: int, state: tuple[Any, ...] | None
    ) -> tuple[Complex[Tensor, "batch uses"], tuple[Any, ...]]:
        """Draws ||h|| as complex64, [batch, uses] or [batch, 1]; see `Channel.draw`."""
        power, after = torch.zeros((), device=streams.device), []
        for i in range(self.antennas):
            before = None if state is None else state[i]
            fading, under = self.over.draw(streams.for_role(f"antenna {i}"), uses, before)
            h = gains(fading)
            power = power + (h.real.square() + h.imag.square())
            after.append(under)
        gain = power.sqrt()
        return torch.complex(gain, torch.zeros_like(gain)), tuple(after)
