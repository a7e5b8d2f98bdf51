"""A mobile multipath channel after the OFDM receiver: one complex gain per resource element."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from phy.channel import Channel
from phy.channels.diffuse import INTERVAL_S
from phy.ofdm.grid import OfdmGrid
from phy.ofdm.paths import PathModel, advance, response
from phy.streams import Streams

#: Largest ratio of inter-carrier interference to signal power that the model neglects.
MAX_ICI = 0.01


@final
class OfdmChannel(Channel):
    """An OFDM channel y = h x + n with one gain h per resource element of a burst.

    ```
    rays of the image -> h(f, t) on the grid -> in the order of the burst: y = h x + n
    ```

    One gain per element is exact under two conditions. The last path arrives within the cyclic
    prefix, so that symbols do not interfere. The gain is constant during a symbol, so that
    subcarriers do not interfere. Motion violates the second condition: at most the share
    (2 pi f_d / spacing)^2 / 12 of the power leaks to other subcarriers. The constructor refuses a
    channel where this bound exceeds 1 %.

    Source: Li and Cimini, "Bounds on the interchannel interference of OFDM in time-varying
    impairments", IEEE Trans. Commun. 49(3), 2001.

    Args:
        paths: Model that draws the rays.
        grid: Positions of channel uses and pilots.
        interval_s: Time in seconds from the start of one transmission to the start of the next.
            The phases of an image's rays advance by this time. A burst that is longer than the
            interval ends with the fading that the next one begins with.

    Raises:
        ValueError: When the delays exceed the cyclic prefix, or the Doppler shift is too large.
    """

    def __init__(self, paths: PathModel, grid: OfdmGrid, interval_s: float = INTERVAL_S) -> None:
        last_s, prefix_s = float(paths.delays_s.max()), grid.cyclic_prefix_s
        if last_s > prefix_s:
            raise ValueError(
                f"a last path after {1e9 * last_s:.0f} ns is not allowed, it must come within the "
                f"cyclic prefix of {1e9 * prefix_s:.0f} ns: take a smaller delay_spread_ns or "
                "subcarrier_khz, or cyclic_prefix=extended"
            )
        ici = (2 * math.pi * paths.doppler_hz / grid.subcarrier_hz) ** 2 / 12
        if ici > MAX_ICI:
            most_hz = math.sqrt(12 * MAX_ICI) / (2 * math.pi) * grid.subcarrier_hz
            raise ValueError(
                f"a Doppler shift of {paths.doppler_hz:.0f} Hz is not allowed with a "
                f"subcarrier_khz of {grid.subcarrier_hz / 1e3:g}, it must be at most "
                f"{most_hz:.0f} Hz: take a smaller speed_mps or a larger subcarrier_khz"
            )
        self.paths, self.grid, self.interval_s = paths, grid, interval_s

    def draw(
        self,
        streams: Streams,
        uses: int,
        state: Float[Tensor, "batch 3 rays taps"] | None,
    ) -> tuple[Complex[Tensor, "batch {uses}"], Float[Tensor, "batch 3 rays taps"]]:
        """Draws the gains of a burst.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: [batch, 3, rays, taps] rays of the same images, None to draw them.

        Returns:
            h [batch, uses], and the rays at the start of the next burst.
        """
        h, state = self.elements(streams, uses, state)
        return h[:, torch.from_numpy(self.grid.data_elements(uses)).to(h.device)], state

    def elements(
        self,
        streams: Streams,
        uses: int,
        state: Float[Tensor, "batch 3 rays taps"] | None,
    ) -> tuple[Complex[Tensor, "batch elements"], Float[Tensor, "batch 3 rays taps"]]:
        """Draws the gains of all elements of the grid from the first one to the end of a burst.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: [batch, 3, rays, taps] rays of the same images, None to draw them.

        Returns:
            h [batch, extent(uses)], and the rays at the start of the next burst.
        """
        rays = self.paths.draw(streams) if state is None else state
        grid, elements = self.grid, self.grid.extent(uses)
        h = response(rays, self.paths.delays_s, grid.symbol_s, grid.frequencies_hz, elements)
        return h, advance(rays, self.interval_s)
