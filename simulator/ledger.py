"""The meter: what each image costs, counted by the simulator and not by the scheme."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from phy.snr import POWER
from simulator.scheme import Burst, Feedback
from simulator.slots import Slot

#: Relative slack of the power check, for float32 sums over a slot.
POWER_TOLERANCE = 1e-3
#: QAM symbols meet the constraint on average only: six standard deviations of 64-QAM's energy.
SYMBOL_SPREAD = 4.0


@dataclass
class Ledger:
    """Costs per image, each [batch].

    Attributes:
        transmissions: Bursts in which the image was sent.
        slots: Time slots that these took: a burst longer than a slot takes several.
        channel_uses: Complex channel uses of its payload.
        energy: Sum of |x|^2 over them, in units of P per use.
        feedback_bits: ACK/NACK, and the features that a NACK asks for.
        side_information_bits: What the receiver had to be told beside the payload.
        latency_s: Time from the first slot's start to the last slot's end.
        reason: int8, why it stopped, index into the scheme's `reasons`.
    """

    transmissions: Tensor
    slots: Tensor
    channel_uses: Tensor
    energy: Tensor
    feedback_bits: Tensor
    side_information_bits: Tensor
    latency_s: Tensor
    reason: Tensor

    @classmethod
    def zeros(cls, batch: int) -> Ledger:
        """Nothing spent yet."""
        count = [torch.zeros(batch, dtype=torch.int64) for _ in range(5)]
        return cls(
            transmissions=count[0],
            slots=count[1],
            channel_uses=count[2],
            energy=torch.zeros(batch, dtype=torch.float64),
            feedback_bits=count[3],
            side_information_bits=count[4],
            latency_s=torch.zeros(batch, dtype=torch.float64),
            reason=torch.zeros(batch, dtype=torch.int8),
        )

    def charge_burst(self, images: Tensor, burst: Burst, slot: Slot) -> Tensor:
        """Charges a burst and hands its channel input on.

        Raises:
            ValueError: When a scheme spends more power than it has, or sends anything beyond the
                uses that it declares.
        """
        x, uses = burst.x, burst.uses.cpu()
        beyond = torch.arange(x.shape[1]) >= uses[:, None]
        power = torch.view_as_real(x).to(torch.float64).square().sum(-1).cpu()
        energy = power.sum(1)
        if bool(((power != 0) & beyond).any()):
            raise ValueError("a burst carries power beyond the channel uses that it declares")
        total = float(uses.sum())
        allowed = POWER * (total * (1 + POWER_TOLERANCE) + SYMBOL_SPREAD * total**0.5)
        if not float(energy.sum()) <= allowed:  # NaN too
            raise ValueError("a batch breaks the average power constraint P per channel use")
        self.transmissions[images] += (uses > 0).long()
        self.channel_uses[images] += uses
        self.energy[images] += energy
        slots = -(-uses // slot.uses)
        self.slots[images] += slots
        self.latency_s[images] += slot.slot_s * slots
        return x

    def charge_feedback(
        self, images: Tensor, feedback: Feedback, last: bool, side_information_bits: int
    ) -> None:
        """Charges an answer: one bit, and the request's bits where it is a NACK that is heeded."""
        asked = (~feedback.ack).long().cpu() * (0 if last else 1)
        sent = (self.channel_uses[images] > 0).long()  # nothing sent, nothing to answer
        self.feedback_bits[images] += sent + asked * feedback.request_bits.cpu()
        self.side_information_bits[images] += side_information_bits
        self.reason[images] = feedback.reason.cpu()

    @staticmethod
    def join(parts: list[Ledger]) -> Ledger:
        """One ledger of several batches."""
        return Ledger(
            **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Ledger)}
        )
