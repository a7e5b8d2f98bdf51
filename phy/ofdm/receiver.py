"""A receiver that estimates an OFDM channel from pilots."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Complex
from torch import Tensor

from phy.channel import NOISE_ROLE, Channel, Fading, Received, multiply
from phy.ofdm.channel import OfdmChannel
from phy.ofdm.estimation import ESTIMATORS, interpolate, interpolators
from phy.snr import POWER
from phy.streams import Streams

#: The pilot symbol: QPSK with the average power of the data.
PILOT = complex(1, 1) * math.sqrt(POWER / 2)


@final
class PilotAided(Channel):
    """An OFDM channel with pilots in every symbol, through the same fading and noise as the data.

    ```
    data   y = h x + n                                           -> y, h_hat, no + P variance
    pilots y_p = h_p x_p + n_p -> LS: y_p / x_p -> interpolation -> h_hat
    ```

    Args:
        over: OFDM channel whose grid has pilots.
        estimator: "ls" or "lmmse".

    Raises:
        ValueError: When the grid has no pilots, or the estimator is unknown.
    """

    def __init__(self, over: OfdmChannel, estimator: str = "lmmse") -> None:
        if estimator not in ESTIMATORS:
            raise ValueError(f"estimator {estimator!r} is not one of {', '.join(ESTIMATORS)}")
        if not len(over.grid.pilots):
            raise ValueError(f"estimator {estimator!r} needs pilots, the grid has none")
        self.over, self.estimator = over, estimator

    def draw(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Fading, Tensor]:
        """Draws the gains of a burst and of its pilots.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: [batch, 3, rays, taps] rays of the same images, None to draw them.

        Returns:
            The fading, h [batch, uses] and pilots [batch, pilots], and the rays at the start of
            the next burst.
        """
        elements, state = self.over.elements(streams, uses, state)
        return Fading(*self._split(elements, uses)), state

    def apply(
        self, x: Complex[Tensor, "batch uses"], h: object, no: float, streams: Streams
    ) -> Received:
        """Sends a burst and its pilots, and estimates the gains of the burst.

        Args:
            x: [batch, uses] complex channel input.
            h: Fading from `draw`.
            no: Variance of the complex noise.
            streams: Random numbers for the noise.

        Returns:
            Channel output, estimated gains, and the noise variance. The last contains the part of
            the estimation error that the estimator can compute.

        Raises:
            ValueError: When h has no pilots.
        """
        if not isinstance(h, Fading):
            raise ValueError(
                f"csi={self.estimator} needs the gains of the pilots, h is a {type(h).__name__}: "
                "pass on the phy.channel.Fading that draw returned (phy.channel.scale_fading "
                "scales it)"
            )
        uses, grid = x.shape[1], self.over.grid
        # The noise covers all elements in their order, so that a short burst and a long one begin
        # with the same noise.
        noise = streams.for_role(NOISE_ROLE).complex_normal(grid.extent(uses)) * no**0.5
        n, n_p = self._split(noise, uses)
        y = multiply(h.h, x) + n
        x_p = torch.full_like(n_p, PILOT)
        y_p = multiply(h.pilots, x_p) + n_p
        least_squares = multiply(y_p, x_p.conj_physical() / POWER)
        laws = interpolators(self.estimator, grid, self.over.paths, no)
        h_hat, variance = interpolate(least_squares, grid, laws, uses)
        return Received(y, h_hat, (no + POWER * variance).expand(len(x), uses))

    def _split(self, elements: Tensor, uses: int) -> tuple[Tensor, Tensor]:
        """Splits the elements of a grid into those of the burst [batch, uses] and the pilots."""
        grid = self.over.grid
        data, pilots = (
            torch.from_numpy(index).to(elements.device)
            for index in (grid.data_elements(uses), grid.pilot_elements(uses))
        )
        return elements[:, data], elements[:, pilots]

    def pilot_uses(self, uses: int) -> int:
        """Returns how many pilots are sent with a burst."""
        return len(self.over.grid.pilot_elements(uses))
