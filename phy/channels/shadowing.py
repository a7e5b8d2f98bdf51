"""Log-normal shadowing over any channel."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel
from phy.channels.parameters import checked
from phy.channels.wrapper import Wrapper
from phy.streams import Streams


class ShadowState(NamedTuple):
    """What stays of an image from slot to slot.

    Attributes:
        gain: [batch, 1] float32, amplitude of the shadowing.
        over: State of the channel under it.
    """

    gain: Tensor
    over: Any


@final
class Shadowed(Wrapper):
    """h = 10^(S / 20) h', S ~ N(-sigma^2 ln(10) / 20, sigma^2) in dB, one S for every image.

    The mean of S makes E|h|^2 that of h', so that the SNR of the curve is the mean one; the
    median is sigma^2 ln(10) / 20 dB under it (1.8 dB for sigma = 4 dB, 7.4 dB for 8 dB).

    Source: Gudmundson, "Correlation model for shadow fading in mobile radio systems", Electron.
    Lett. 27(23), 1991: log-normal, correlated over tens to hundreds of meters. The slots of an
    image take milliseconds, hence centimetres: S is constant over them.

    Over a channel that is estimated from pilots, these are in the same shadow. Its receiver does
    not know S, but its law: E|h|^2 and the correlations are those of h', so that the linear MMSE
    estimate is what it is without shadowing, and so is its error in the mean over images.

    Args:
        over: The channel h'.
        sigma_db: From 0 to 20; 4 dB is 3GPP's street canyon in sight (TR 38.901, table 7.5-6).

    Raises:
        ValueError: When sigma is out of range.
    """

    def __init__(self, over: Channel, sigma_db: float = 4.0) -> None:
        super().__init__("shadowed", over)
        self.sigma_db = checked(
            "shadowed", "sigma_db", sigma_db, lambda s: 0 <= s <= 20, "from 0 to 20"
        )

    def draw(
        self, streams: Streams, uses: int, state: ShadowState | None
    ) -> tuple[Tensor, ShadowState]:
        """h with the axes of h'."""
        gain = self._gain(streams) if state is None else state.gain
        h, under = self.over.draw(
            streams.for_role("over"), uses, None if state is None else state.over
        )
        return self.over.scaled(h, gain), ShadowState(gain, under)

    def _gain(self, streams: Streams) -> Tensor:
        s = streams.for_role("shadowing").normal(1).double().cpu().numpy()
        mean_db = -(self.sigma_db**2) * math.log(10) / 20
        gain = np.exp((mean_db + self.sigma_db * s) * (math.log(10) / 20))
        return torch.from_numpy(gain.astype(np.float32)).to(streams.device)
