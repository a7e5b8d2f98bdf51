"""Limits of an image on the channel: average power, transmissions, channel uses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from phy.channel import Received
from phy.snr import POWER
from simulator.scheme import Burst
from simulator.slots import Slot

#: Relative tolerance of the power check, for float32 sums over a slot.
POWER_TOLERANCE = 1e-3
#: QAM symbols meet the power constraint on average: six standard deviations of 64-QAM's energy.
SYMBOL_SPREAD = 4.0


@dataclass(frozen=True)
class Budget:
    """Limits of each image of a run. The simulator enforces them; no scheme knows them.

    Attributes:
        transmissions: Most transmissions, at least 1.
        uses: Most complex channel uses in total; None for no limit.
    """

    transmissions: int
    uses: int | None = None

    @classmethod
    def of(cls, slot: Slot, max_transmissions: int, transmissions: int) -> Budget:
        """Returns the budget of a run.

        Args:
            slot: With budget "uses", an image has G_max B channel uses.
            max_transmissions: G_max of the run.
            transmissions: Most transmissions of this scheme: G_max, or a number that its protocol
                fixes; the limit of channel uses does not depend on it.
        """
        limited = slot.budget == "uses"
        return cls(transmissions, max_transmissions * slot.uses if limited else None)

    def admit(self, burst: Burst, spent: Tensor) -> Burst:
        """Returns the admitted part of a burst: it ends where the budget of its image ends.

        Args:
            burst: The scheme's burst.
            spent: [batch] int64, channel uses of the same images so far.

        Returns:
            The burst with x = 0 beyond the admitted uses. The width stays the same, so that every
            scheme gets the same fading and noise.

        Raises:
            ValueError: If the burst breaks the power constraint or its own declaration. The check
                covers the whole burst: the first part of QAM symbols need not have average power.
        """
        check_power(burst)
        return self.admitted(burst, spent)

    def admitted(self, burst: Burst, spent: Tensor) -> Burst:
        """Returns what `admit` does, without its check, which waits for the device of the burst."""
        if self.uses is None:
            return burst
        left = (self.uses - spent).to(burst.uses.device, non_blocking=True)
        uses = torch.minimum(burst.uses, left)
        return burst._replace(x=burst.x.masked_fill(beyond(burst.x, uses), 0), uses=uses)

    def limit_received(self, received: Received, burst: Burst) -> Received:
        """Returns the received part of an admitted burst: y = 0 and h = 0 where nothing was sent.

        LLRs and weights of the matched filter are then 0 there.
        """
        if self.uses is None:
            return received
        silent = beyond(received.y, burst.uses)
        h = received.h.expand_as(received.y).masked_fill(silent, 0)
        return received._replace(y=received.y.masked_fill(silent, 0), h=h)

    def used_up(self, transmissions: int, spent: Tensor) -> Tensor:
        """Returns which images have had their last transmission, [batch] bool.

        Args:
            transmissions: Transmissions so far.
            spent: [batch] int64, channel uses so far.
        """
        last = torch.full_like(spent, transmissions >= self.transmissions, dtype=torch.bool)
        return last if self.uses is None else last | (spent >= self.uses)


def check_power(burst: Burst) -> None:
    """Checks the average power constraint P per channel use.

    Raises:
        ValueError: If a batch spends more than P per use on average, or a row has power beyond the
            uses that it declares.
    """
    power = energy_per_use(burst.x)
    if bool(((power != 0) & beyond(power, burst.uses)).any()):
        raise ValueError("a burst carries power beyond the channel uses that it declares")
    total = float(burst.uses.sum())
    allowed = POWER * (total * (1 + POWER_TOLERANCE) + SYMBOL_SPREAD * total**0.5)
    if not float(power.sum(1).sum()) <= allowed:  # NaN too
        raise ValueError("a batch breaks the average power constraint P per channel use")


def energy_per_use(x: Tensor) -> Tensor:
    """Returns |x|^2 [batch, width] in float64."""
    return x.real.double().square() + x.imag.double().square()


def beyond(x: Tensor, uses: Tensor) -> Tensor:
    """Returns which places of x [batch, width] lie beyond the first `uses` [batch] of each row."""
    return torch.arange(x.shape[1], device=x.device) >= uses.to(x.device)[:, None]
