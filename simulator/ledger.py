"""The meter: what each image costs, counted by the simulator and not by the scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from simulator.budget import energy_per_use
from simulator.scheme import Burst, Feedback
from simulator.slots import Slot

#: Reason of an image whose NACK was heard as an ACK; its name stands behind the scheme's reasons.
FALSE_ACK, FALSE_ACK_NAME = -1, "NACK heard as ACK"


@dataclass
class Ledger:
    """Costs per image, each [batch].

    Attributes:
        transmissions: Bursts in which the image was sent.
        slots: Time slots that these took: a burst longer than a slot takes several.
        channel_uses: Complex channel uses of its payload.
        pilot_uses: Complex channel uses that the channel spent on pilots beside them.
        energy: Sum of |x|^2 over the payload, in units of P per use.
        information_bits: Payload bits that a digital scheme has offered; 0 for an analog one.
        delivered_bits: Those that the receiver has accepted and that are right.
        feedback_bits: ACK/NACK, and the features that a NACK asks for.
        side_information_bits: What the receiver had to be told beside the payload.
        latency_s: Time from the first slot's start to the last slot's end.
        reason: int8, why it stopped, index into the scheme's `reasons`, or `FALSE_ACK`.
    """

    transmissions: Tensor
    slots: Tensor
    channel_uses: Tensor
    pilot_uses: Tensor
    energy: Tensor
    information_bits: Tensor
    delivered_bits: Tensor
    feedback_bits: Tensor
    side_information_bits: Tensor
    latency_s: Tensor
    reason: Tensor

    @classmethod
    def zeros(cls, batch: int) -> Ledger:
        """Nothing spent yet."""
        rows = {f.name: torch.zeros(batch, dtype=torch.int64) for f in fields(cls)}
        for name in ("energy", "latency_s"):
            rows[name] = rows[name].double()
        return cls(**{**rows, "reason": torch.zeros(batch, dtype=torch.int8)})

    def charge_burst(
        self,
        images: Tensor,
        burst: Burst,
        slot: Slot,
        pilot_uses: Callable[[int], int] = lambda uses: 0,
    ) -> Tensor:
        """Charges an admitted burst and hands its channel input on.

        A burst takes the slots that its payload fills, and more where pilots do not fit beside it
        into the T W uses of each.

        Args:
            images: [rows] int64, whose bursts these are.
            burst: What the budget admits.
            slot: The slot.
            pilot_uses: Pilots of a burst by its uses, as the channel has it.

        Raises:
            ValueError: When a channel gives less than no pilots, or a header says more than its
                length allows.
        """
        uses = burst.uses.cpu()
        pilots = _pilots(uses, pilot_uses)
        self.transmissions[images] += (uses > 0).long()
        self.channel_uses[images] += uses
        self.pilot_uses[images] += pilots
        if burst.header is not None:
            self.side_information_bits[images] += _header_bits(burst.header, burst.header_bits)
        # In sequence: a sum over a row as wide as its longest neighbor's rounds differently.
        self.energy[images] += energy_per_use(burst.x).cpu().cumsum(1)[:, -1:].sum(1)
        slots = torch.maximum(-(-uses // slot.uses), -(-(uses + pilots) // slot.resources))
        self.slots[images] += slots
        self.latency_s[images] += slot.slot_s * slots
        return burst.x

    def count_bits(
        self, images: Tensor, offered: list[Tensor] | None, accepted: list[Tensor] | None
    ) -> None:
        """Counts the information bits of images that stopped, at the receiver against the truth.

        Args:
            images: [rows] int64.
            offered: Bits of each image that the transmitter offered; None for an analog scheme.
            accepted: The first bits of each that the receiver takes for right. One wrong bit among
                them, an error that no CRC has seen, and none of them counts as delivered.

        Raises:
            ValueError: When a scheme has only one of the two, or accepts more than was offered.
        """
        if offered is None and accepted is None:
            return
        if offered is None or accepted is None or not len(offered) == len(accepted) == len(images):
            raise ValueError("a scheme of bits must say offered() and accepted() for every image")
        for image, truth, claim in zip(images.tolist(), offered, accepted, strict=True):
            if len(claim) > len(truth):
                raise ValueError(f"a receiver accepts {len(claim)} bits, {len(truth)} were offered")
            right = torch.equal(claim.cpu(), truth[: len(claim)].cpu().to(claim.dtype))
            self.information_bits[image] = len(truth)
            self.delivered_bits[image] = len(claim) if right else 0

    def charge_feedback(
        self,
        images: Tensor,
        feedback: Feedback,
        last: Tensor | bool,
        side_information_bits: int,
        heard: Feedback | None = None,
    ) -> None:
        """Charges an answer: one bit, and the request's bits where it is a NACK that is heeded.

        Args:
            images: [rows] int64.
            feedback: The answers.
            last: Which images have had their last transmission, [rows] bool or one for all.
            side_information_bits: What their bursts carried beside the payload.
            heard: The answers as the transmitter hears them, with the bits that they took; None
                for a link without errors.
        """
        heard = feedback if heard is None else heard
        asked = (~feedback.ack.cpu() & ~torch.as_tensor(last)).long()
        sent = (self.channel_uses[images] > 0).long()  # nothing sent, nothing to answer
        self.feedback_bits[images] += sent + asked * heard.request_bits.cpu()
        self.side_information_bits[images] += side_information_bits
        ended = (asked > 0) & heard.ack.cpu()
        self.reason[images] = feedback.reason.cpu().masked_fill(ended, FALSE_ACK)

    @staticmethod
    def join(parts: list[Ledger]) -> Ledger:
        """One ledger of several batches."""
        return Ledger(
            **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Ledger)}
        )


def _header_bits(header: Tensor, bits: Tensor | None) -> Tensor:
    """[rows] int64, the bits of each row's header."""
    width = header.shape[1]
    if bits is None:
        return torch.full((len(header),), width)
    bits = bits.cpu()
    behind = torch.arange(width) >= bits[:, None]
    if bool((bits < 0).any() | (bits > width).any() | (header.cpu() & behind).any()):
        raise ValueError("a burst's header carries bits beyond the length that it declares")
    return bits


def _pilots(uses: Tensor, pilot_uses: Callable[[int], int]) -> Tensor:
    """[rows] int64, the pilots of each burst; none where nothing is sent."""
    pilots = torch.zeros_like(uses)
    for count in uses[uses > 0].unique().tolist():
        spent = pilot_uses(count)
        if not (isinstance(spent, int) and spent >= 0):
            raise ValueError(f"the channel's pilot_uses({count}) is {spent!r}, not a count")
        pilots[uses == count] = spent
    return pilots
