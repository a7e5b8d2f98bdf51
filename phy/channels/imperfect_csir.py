"""What a receiver believes about a channel when it had to estimate it."""

from __future__ import annotations

import math
from typing import Any, final

from torch import Tensor

from phy.channel import Channel, Received
from phy.snr import snr_from_db
from phy.streams import Streams


@final
class ImperfectCsir(Channel):
    """Any channel, seen by a receiver that knows h_hat instead of h.

    ```
    p = h + w / sqrt(rho), w ~ CN(0, 1)                            one observation of every gain
    h_hat = rho / (1 + rho) p = (1 - v) h + sqrt(v (1 - v)) w,     v = 1 / (1 + rho)
    ```

    h_hat is the linear MMSE estimate of a gain of which E|h|^2 = 1 is all that is known. For every
    such law h = h_hat + e with E|e|^2 = v and E[e h_hat*] = 0; for Rayleigh fading it is the MMSE
    estimate. The receiver takes e x for noise: y = h_hat x + (e x + n), of variance no + v P.
    Where E|h|^2 is another (`Channel.average_gain`), v = E|h|^2 / (1 + rho E|h|^2) and v / E|h|^2
    stands in the brackets.

    Source: Hassibi and Hochwald, "How much training is needed in multiple-antenna wireless
    links?", IEEE Trans. Inf. Theory 49(4), 2003, section II.

    Every gain that `draw` gives is observed once: each channel use with fast fading, each slot
    with block fading. What the observations cost is not counted; a channel that sends pilots
    counts them itself, and is then estimated a second time here.

    Args:
        over: The channel.
        error: v in [0, 1), the same at every SNR.
        pilot_gain_db: Instead of `error`: rho over the SNR of the data, in dB, so that v falls as
            the SNR rises. 0 is one pilot of the data's own power.

    Raises:
        ValueError: When v or the gain is out of range, or both are given.
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
        """v = E|h - h_hat|^2 at a variance of the complex noise.

        >>> from phy.channels.fading import Awgn
        >>> ImperfectCsir(Awgn(), pilot_gain_db=10.0).error_variance(no=1.0) == 1 / 11
        True
        """
        if self.pilot_gain_db is None:
            return self.error
        rho = snr_from_db(self.pilot_gain_db) / no
        return self.average_gain / (1 + rho * self.average_gain)

    def draw(self, streams: Streams, uses: int, state: Any) -> tuple[Tensor, Any]:
        """The channel's own fading."""
        return self.over.draw(streams, uses, state)

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        """The channel's own output, with h_hat for h and no + v for no."""
        received = self.over.apply(x, h, no, streams)
        v = self.error_variance(no)
        shrink = 1 - v / self.average_gain
        w = streams.for_role("csir").complex_normal(1 if h.shape[1] == 1 else x.shape[1])
        h_hat = received.h * shrink + w * math.sqrt(v * shrink)
        return Received(received.y, h_hat, received.no + v)

    def pilot_uses(self, uses: int) -> int:
        """The channel's own pilots."""
        return self.over.pilot_uses(uses)
