"""Several receive antennas and maximum-ratio combining over any flat channel."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

from phy.channel import Channel
from phy.channels.wrapper import Wrapper, is_flat
from phy.streams import Streams


@final
class Simo(Wrapper):
    """What a receiver with N antennas sees after maximum-ratio combining.

    ```
    y_i = h_i x + n_i, i = 1 ... N,  n_i ~ CN(0, no)
    y = sum_i h_i* y_i / ||h|| = ||h|| x + n,  ||h||^2 = sum_i |h_i|^2,  n ~ CN(0, no)
    ```

    For known h this loses nothing, and the combined noise is CN(0, no) whatever h is: so one gain
    ||h|| and one noise sample per use are drawn. E|h_i|^2 is the other channel's, E||h||^2 N times
    that: the SNR of the curve is that of one antenna, and the array gain of 10 log10 N dB shows.

    Antennas fade independently, all with the law of `over`; a channel over this one (shadowing)
    is common to all of them.

    Source: Brennan, "Linear diversity combining techniques", Proc. IRE 47(6), 1959.

    Args:
        over: The channel of one antenna, flat and with known h.
        antennas: N, from 1 to 64.

    Raises:
        ValueError: When N is out of range, or `over` is more than a gain and noise.
    """

    def __init__(self, over: Channel, antennas: int = 2) -> None:
        super().__init__("simo", over)
        whole = isinstance(antennas, int) and not isinstance(antennas, bool)
        if not (whole and 1 <= antennas <= 64):
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
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """||h|| with the axes of h_i, a real number in complex64."""
        power, after = torch.zeros((), device=streams.device), []
        for i in range(self.antennas):
            before = None if state is None else state[i]
            h, under = self.over.draw(streams.for_role(f"antenna {i}"), uses, before)
            power = power + (h.real.square() + h.imag.square())
            after.append(under)
        gain = power.sqrt()
        return torch.complex(gain, torch.zeros_like(gain)), tuple(after)
