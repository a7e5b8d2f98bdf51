"""Log-normal shadowing over any channel."""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple, final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from phy.channel import Channel, Fading, scale_fading
from phy.channels.parameters import Domain, checked
from phy.channels.wrapper import Wrapper
from phy.streams import Streams

SIGMA_DB = Domain(0, 20)

#: Quantiles of S that stand for its law in `gain_cdf`.
SHADOWS = 200


class ShadowState(NamedTuple):
    """The shadowing of each image and the state of the wrapped channel.

    Attributes:
        gain: [batch, 1] float32 amplitude gain of the shadowing.
        over: State of the wrapped channel.
    """

    gain: Float[Tensor, "batch 1"]
    over: Any


@final
class Shadowed(Wrapper):
    """Log-normal shadowing h = 10^(S / 20) h' of a channel h', with one S per image.

    S ~ N(-sigma^2 ln(10) / 20, sigma^2) in dB. With this mean, E|h|^2 is that of h', so that the
    SNR of a curve is the mean SNR. The median SNR is sigma^2 ln(10) / 20 dB lower: 1.8 dB for
    sigma = 4 dB, 7.4 dB for 8 dB. S is constant over the transmissions of an image: they take
    milliseconds, in which a vehicle moves by centimeters, and shadowing decorrelates over tens to
    hundreds of meters.

    The pilots of a wrapped channel have the same shadowing as the data. The receiver knows the law
    of S, not S itself. Since E|h|^2 and the correlations are those of h', the linear MMSE estimate
    and its mean error over images are those without shadowing.

    Source: Gudmundson, "Correlation model for shadow fading in mobile radio systems", Electron.
    Lett. 27(23), 1991.

    Args:
        over: Wrapped channel h'.
        sigma_db: Standard deviation sigma in dB, from 0 to 20; 4 dB is the value of the urban
            street canyon with line of sight (TR 38.901 table 7.5-6).

    Raises:
        ValueError: When sigma is out of range.
    """

    def __init__(self, over: Channel, sigma_db: Annotated[float, SIGMA_DB] = 4.0) -> None:
        super().__init__("shadowed", over)
        self.sigma_db = checked("shadowed", "sigma_db", sigma_db, SIGMA_DB)

    def draw(
        self, streams: Streams, uses: int, state: ShadowState | None
    ) -> tuple[Tensor | Fading, ShadowState]:
        """Draws the fading of the wrapped channel times the shadowing; see `Channel.draw`.

        Returns:
            The fading, of the type and shape of the wrapped channel's, and the next state.
        """
        gain = self._gain(streams) if state is None else state.gain
        h, under = self.over.draw(
            streams.for_role("over"), uses, None if state is None else state.over
        )
        return scale_fading(h, gain), ShadowState(gain, under)

    def gain_cdf(self, power: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Returns P(|h|^2 <= power): the law of |h'|^2 in the mean over quantiles of S."""
        s = ndtri((np.arange(SHADOWS) + 0.5) / SHADOWS)
        cdfs = [self.over.gain_cdf(power / gain**2) for gain in self._amplitude(s)]
        known = [cdf for cdf in cdfs if cdf is not None]
        return sum(known, np.zeros_like(power)) / SHADOWS if known else None

    def _gain(self, streams: Streams) -> Tensor:
        s = streams.for_role("shadowing").normal(1).double().cpu().numpy()
        return torch.from_numpy(self._amplitude(s).astype(np.float32)).to(streams.device)

    def _amplitude(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """10^(S / 20) of standard normal numbers."""
        mean_db = -(self.sigma_db**2) * math.log(10) / 20
        amplitude: NDArray[np.float64] = np.exp((mean_db + self.sigma_db * s) * (math.log(10) / 20))
        return amplitude
