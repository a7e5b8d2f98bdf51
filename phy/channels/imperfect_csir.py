"""A receiver with an imperfect estimate of the channel."""

from __future__ import annotations

import math
from typing import Any, final

import numpy as np
from jaxtyping import Complex
from numpy.typing import NDArray
from torch import Tensor

from phy.channel import Channel, Fading, Received, gains
from phy.snr import snr_from_db
from phy.streams import Streams


@final
class ImperfectCsir(Channel):
    """A channel whose receiver knows an estimate h_hat instead of h.

    ```
    p = h + w / sqrt(rho), w ~ CN(0, 1)                            one observation of every gain
    h_hat = rho / (1 + rho) p = (1 - v) h + sqrt(v (1 - v)) w,     v = 1 / (1 + rho)
    ```

    h_hat is the linear MMSE estimate of a gain when only E|h|^2 = 1 is known. For every such law,
    h = h_hat + e with E|e|^2 = v and E[e h_hat*] = 0; for Rayleigh fading h_hat is the MMSE
    estimate. The receiver treats e x as noise: y = h_hat x + (e x + n), of variance no + v P.
    For another E|h|^2 (`Channel.average_gain`), v = E|h|^2 / (1 + rho E|h|^2), and v / E|h|^2
    replaces v in the brackets.

    Source: Hassibi and Hochwald, "How much training is needed in multiple-antenna wireless
    links?", IEEE Trans. Inf. Theory 49(4), 2003, section II.

    Every gain that `draw` returns is observed once: each channel use with fast fading, each
    transmission with block fading. The cost of the observations is not counted. A channel with
    pilots counts them itself; its estimate gets an additional error here.

    Args:
        over: Channel.
        error: Error variance v in [0, 1), the same at every SNR.
        pilot_gain_db: Alternative to `error`: ratio of rho to the SNR of the data in dB, so that v
            falls as the SNR rises. 0 dB is one pilot with the power of the data.

    Raises:
        ValueError: When v or the ratio is out of range, or both are given.
    """

    def __init__(
        self, over: Channel, error: float = 0.0, pilot_gain_db: float | None = None
    ) -> None:
        if not (isinstance(error, (int, float)) and 0 <= error < 1):
            raise ValueError(f"csir_error is {error!r}, it must be at least 0 and less than 1")
        if pilot_gain_db is not None:
            number = isinstance(pilot_gain_db, (int, float)) and math.isfinite(pilot_gain_db)
            if not (number and abs(pilot_gain_db) <= 200):
                raise ValueError(
                    f"csir_pilot_gain_db is {pilot_gain_db!r}, it must be from -200 to 200 dB"
                )
            if error:
                raise ValueError("csir_error and csir_pilot_gain_db are both given: choose one")
        self.over, self.error, self.pilot_gain_db = over, float(error), pilot_gain_db
        self.average_gain = over.average_gain

    def error_variance(self, no: float) -> float:
        """Returns v = E|h - h_hat|^2.

        Args:
            no: Variance of the complex noise.

        >>> from phy.channels.fading import Awgn
        >>> ImperfectCsir(Awgn(), pilot_gain_db=10.0).error_variance(no=1.0) == 1 / 11
        True
        """
        if self.pilot_gain_db is None:
            return self.error
        rho = snr_from_db(self.pilot_gain_db) / no
        return self.average_gain / (1 + rho * self.average_gain)

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor | Fading, Any]:
        """Draws the fading of the channel; see `Channel.draw`."""
        return self.over.draw(streams, uses, state)

    def gain_cdf(self, power: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Returns the channel's own distribution of |h|^2."""
        return self.over.gain_cdf(power)

    def apply(
        self, x: Complex[Tensor, "batch uses"], h: Any, no: float, streams: Streams
    ) -> Received:
        """Sends one burst; the receiver gets h_hat for h and no + v for no (`Channel.apply`)."""
        received = self.over.apply(x, h, no, streams)
        v = self.error_variance(no)
        shrink = 1 - v / self.average_gain
        w = streams.for_role("csir").complex_normal(1 if gains(h).shape[1] == 1 else x.shape[1])
        h_hat = received.h * shrink + w * math.sqrt(v * shrink)
        return Received(received.y, h_hat, received.no + v)

    def pilot_uses(self, uses: int) -> int:
        """Returns the pilot uses of the channel."""
        return self.over.pilot_uses(uses)
