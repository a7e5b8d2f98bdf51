"""A mobile multipath channel as an OFDM receiver meets it: one gain per resource element."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from phy.channel import Channel
from phy.channels.diffuse import INTERVAL_S
from phy.ofdm.grid import OfdmGrid
from phy.ofdm.paths import PathModel, advance, response
from phy.streams import Streams

#: Interference between subcarriers that is still neglected, over the signal.
MOST_ICI = 0.01


@final
class OfdmChannel(Channel):
    """y = h x + n on each resource element of a burst.

    ```
    rays of the image -> h(f, t) on the grid -> in the order of the burst: y = h x + n
    ```

    One tap per element is exact while the last path arrives within the cyclic prefix (no
    interference between symbols) and h stands still for the length of a symbol. It turns by the
    Doppler shift: of the power, at most (2 pi f_d / spacing)^2 / 12 leaks to other subcarriers (Li
    and Cimini, "Bounds on the interchannel interference of OFDM in time-varying impairments", IEEE
    Trans. Commun. 49(3), 2001). A channel where this bound is above 1 % is refused.

    Args:
        paths: Where the rays come from.
        grid: Where channel uses (and pilots) lie.
        interval_s: From the start of one transmission to that of the next; meanwhile the rays of
            an image turn on. Of a burst that takes longer, the end meets the fading that the next
            one begins with.

    Raises:
        ValueError: When paths are too late or too fast for the grid.
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
        if ici > MOST_ICI:
            most_hz = math.sqrt(12 * MOST_ICI) / (2 * math.pi) * grid.subcarrier_hz
            raise ValueError(
                f"a Doppler shift of {paths.doppler_hz:.0f} Hz is not allowed with a "
                f"subcarrier_khz of {grid.subcarrier_hz / 1e3:g}, it must be at most "
                f"{most_hz:.0f} Hz: take a smaller speed_mps or a larger subcarrier_khz"
            )
        self.paths, self.grid, self.interval_s = paths, grid, interval_s

    def draw(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """h [batch, uses] of a burst, and the rays at the start of the next one."""
        h, state = self.elements(streams, uses, state)
        return h[:, torch.from_numpy(self.grid.data_elements(uses)).to(h.device)], state

    def elements(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """h [batch, extent(uses)] on all elements of the grid up to the end of a burst.

        Args:
            streams: Random numbers, one independent stream per row.
            uses: Complex channel uses of the burst.
            state: [batch, 3, rays, taps] rays of the same images at the start of this burst; None
                to draw them.

        Returns:
            (h, rays at the start of the next burst).
        """
        rays = self.paths.draw(streams) if state is None else state
        grid, elements = self.grid, self.grid.extent(uses)
        h = response(rays, self.paths.delays_s, grid.symbol_s, grid.frequencies_hz, elements)
        return h, advance(rays, self.interval_s)
