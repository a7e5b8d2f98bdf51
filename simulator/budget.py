"""What an image may spend on the channel: the average power, G_max bursts, and its channel uses."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from phy.channel import Received
from phy.snr import POWER
from simulator.scheme import Burst
from simulator.slots import Slot

#: Relative slack of the power check, for float32 sums over a slot.
POWER_TOLERANCE = 1e-3
#: QAM symbols meet the constraint on average only: six standard deviations of 64-QAM's energy.
SYMBOL_SPREAD = 4.0


@dataclass(frozen=True)
class Budget:
    """What each image of a run may spend. The simulator keeps to it; no scheme knows.

    Attributes:
        transmissions: Bursts at most, at least 1.
        uses: Complex channel uses in all; None where the bursts are the only limit.
    """

    transmissions: int
    uses: int | None = None

    @classmethod
    def of(cls, slot: Slot, max_transmissions: int, rounds: int) -> Budget:
        """The budget of a run.

        Args:
            slot: With equal channel uses, an image has G_max slots of B uses.
            max_transmissions: G_max of the run.
            rounds: Most bursts of this scheme: G_max, or a number of its own, which changes
                nothing about the channel uses.
        """
        limited = slot.budget == "uses"
        return cls(rounds, max_transmissions * slot.uses if limited else None)

    def admit(self, burst: Burst, spent: Tensor) -> Burst:
        """The part of a burst that is paid for: it ends where its image's budget ends.

        Args:
            burst: What the scheme wants to send.
            spent: [batch] int64, channel uses of the same images so far.

        Returns:
            The burst with x = 0 beyond what is admitted, and with as many uses. The width stays,
            so that every scheme sees the same fading and noise.

        Raises:
            ValueError: When the burst breaks the power constraint or its own declaration. It is
                judged whole: the start of a burst of QAM symbols need not have average power.
        """
        check_power(burst)
        if self.uses is None:
            return burst
        uses = torch.minimum(burst.uses.cpu(), self.uses - spent)
        return burst._replace(x=burst.x.masked_fill(beyond(burst.x, uses), 0), uses=uses)

    def limit_received(self, received: Received, burst: Burst) -> Received:
        """What the receiver gets of an admitted burst: y = 0 and h = 0 where nothing was sent.

        An LLR is 0 there, and a matched filter's weight too.
        """
        if self.uses is None:
            return received
        silent = beyond(received.y, burst.uses)
        h = received.h.expand_as(received.y).masked_fill(silent, 0)
        return received._replace(y=received.y.masked_fill(silent, 0), h=h)

    def used_up(self, transmissions: int, spent: Tensor) -> Tensor:
        """[batch] bool: images that have had their last transmission.

        Args:
            transmissions: How many there were.
            spent: [batch] int64, channel uses so far.
        """
        last = torch.full_like(spent, transmissions >= self.transmissions, dtype=torch.bool)
        return last if self.uses is None else last | (spent >= self.uses)


def check_power(burst: Burst) -> None:
    """Refuses a burst that its batch has no power for.

    Raises:
        ValueError: When a batch spends more than P per use on average, or a row sends anything
            beyond the uses that it declares.
    """
    power = energy_per_use(burst.x)
    if bool(((power != 0) & beyond(power, burst.uses)).any()):
        raise ValueError("a burst carries power beyond the channel uses that it declares")
    total = float(burst.uses.sum())
    allowed = POWER * (total * (1 + POWER_TOLERANCE) + SYMBOL_SPREAD * total**0.5)
    if not float(power.sum(1).sum()) <= allowed:  # NaN too
        raise ValueError("a batch breaks the average power constraint P per channel use")


def energy_per_use(x: Tensor) -> Tensor:
    """|x|^2 [batch, width] in float64."""
    return x.real.double().square() + x.imag.double().square()


def beyond(x: Tensor, uses: Tensor) -> Tensor:
    """[batch, width] bool: the places of x behind the first `uses` of each row."""
    return torch.arange(x.shape[1], device=x.device) >= uses.to(x.device)[:, None]
