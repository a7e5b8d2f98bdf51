"""An OFDM receiver that knows of the channel what pilots tell it."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from phy.channel import Channel, Received, multiply, scale
from phy.ofdm.channel import OfdmChannel
from phy.ofdm.estimation import ESTIMATORS, interpolate, interpolators
from phy.snr import POWER
from phy.streams import Streams

#: The pilot symbol: QPSK with the data's average power.
PILOT = complex(1, 1) * math.sqrt(POWER / 2)


class PilotedGains(Tensor):
    """h [batch, uses] of a burst, and beside it what the contract of a channel has no place for.

    Attributes:
        pilots: [batch, pilots] complex64 gains on the pilots.
    """

    pilots: Tensor
    # What is computed from it is an ordinary tensor.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def of(cls, h: Tensor, pilots: Tensor) -> PilotedGains:
        """h with its pilots."""
        gains = h.as_subclass(cls)
        gains.pilots = pilots
        return gains


@final
class PilotAided(Channel):
    """An OFDM channel with pilots in every symbol, through the same gains and noise as the data.

    ```
    data   y = h x + n                                           -> y, h_hat, no + P variance
    pilots y_p = h_p x_p + n_p -> LS: y_p / x_p -> interpolation -> h_hat
    ```

    Args:
        over: The channel; its grid has pilots.
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

    @property
    def _without_pilots(self) -> str:
        return (
            f"csi={self.estimator} needs the gains that were drawn, with those of the pilots: "
            "a channel that changes them goes over csi=perfect alone"
        )

    def draw(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """(h [batch, uses] with the gains of its pilots, rays at the start of the next burst)."""
        elements, state = self.over.elements(streams, uses, state)
        return PilotedGains.of(*self._split(elements, uses)), state

    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        """Sends burst and pilots.

        Returns:
            Output, estimated gains, and the variance of the noise with that part of the estimation
            error which the estimator knows of.

        Raises:
            ValueError: When h is not what `draw` gave, but a product of it.
        """
        if not isinstance(h, PilotedGains):
            raise ValueError(self._without_pilots)
        uses, grid = x.shape[1], self.over.grid
        # Noise on all elements, in their order: a short burst meets the start of a long one's.
        noise = streams.complex_normal(grid.extent(uses)) * no**0.5
        n, n_p = self._split(noise, uses)
        y = multiply(h, x) + n
        x_p = torch.full_like(n_p, PILOT)
        y_p = multiply(h.pilots, x_p) + n_p
        least_squares = multiply(y_p, x_p.conj_physical() / POWER)
        laws = interpolators(self.estimator, grid, self.over.paths, no)
        h_hat, variance = interpolate(least_squares, grid, laws, uses)
        return Received(y, h_hat, (no + POWER * variance).expand(len(x), uses))

    def scaled(self, h: Tensor, gain: Tensor) -> Tensor:
        """The gains of data and pilots times one real gain for each image."""
        if not isinstance(h, PilotedGains):
            raise ValueError(self._without_pilots)
        return PilotedGains.of(scale(h, gain), scale(h.pilots, gain))

    def _split(self, elements: Tensor, uses: int) -> tuple[Tensor, Tensor]:
        """Elements of the grid -> (those of the burst [batch, uses], its pilots)."""
        grid = self.over.grid
        data, pilots = (
            torch.from_numpy(index).to(elements.device)
            for index in (grid.data_elements(uses), grid.pilot_elements(uses))
        )
        return elements[:, data], elements[:, pilots]

    def pilot_uses(self, uses: int) -> int:
        """Pilots sent with a burst."""
        return len(self.over.grid.pilot_elements(uses))
