"""The ledger: costs of each image, counted by the simulator and not by the scheme."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from semantic.metrics.image_quality import psnr_db, ssim
from simulator.budget import energy_per_use
from simulator.scheme import Burst, Feedback
from simulator.slots import Slot

#: Rows of a batch -> the images that were sent, uint8 [rows, h, w, 3].
OriginalImages = Callable[[np.ndarray], np.ndarray]
#: Reason of an image whose NACK was received as an ACK; its name follows the scheme's reasons.
FALSE_ACK, FALSE_ACK_NAME = -1, "NACK received as ACK"


@dataclass
class Ledger:
    """Costs per image, each [batch].

    Attributes:
        transmissions: Transmissions of the image.
        slots: Time slots of these: a burst longer than a slot occupies several.
        channel_uses: Complex channel uses of the payload.
        pilot_uses: Complex channel uses of the channel's pilots beside them.
        energy: Sum of |x|^2 over the payload, in units of P per use.
        information_bits: Payload bits that a digital scheme offered; 0 for an analog scheme.
        delivered_bits: Offered bits that the receiver accepted and that are right.
        feedback_bits: ACK/NACK bits, and the requests beside NACKs.
        side_information_bits: Control bits for the receiver beside the payload.
        latency_s: Time in seconds from the start of the first slot to the end of the last one.
        reason: int8, why the image stopped, index into the scheme's `reasons`, or `FALSE_ACK`.
        compared: bool, whether the received image was compared with the one that was sent.
        psnr_db: PSNR of the received image in dB; 0 if not compared.
        ssim: SSIM of the received image; 0 if not compared.
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
    compared: Tensor
    psnr_db: Tensor
    ssim: Tensor

    @classmethod
    def zeros(cls, batch: int) -> Ledger:
        """Returns the ledger of a batch that has spent nothing."""
        rows = {f.name: torch.zeros(batch, dtype=torch.int64) for f in fields(cls)}
        for name in ("energy", "latency_s", "psnr_db", "ssim"):
            rows[name] = rows[name].double()
        rows["compared"] = rows["compared"].bool()
        return cls(**{**rows, "reason": torch.zeros(batch, dtype=torch.int8)})

    def charge_burst(
        self,
        images: Tensor,
        burst: Burst,
        slot: Slot,
        pilot_uses: Callable[[int], int] = lambda uses: 0,
    ) -> Tensor:
        """Charges an admitted burst.

        A burst occupies the slots that its payload fills, and more if the pilots do not fit beside
        it into the T W uses of each slot.

        Args:
            images: [rows] int64, images of the burst's rows.
            burst: The admitted burst.
            slot: The slot.
            pilot_uses: Pilots of a burst by its uses, `Channel.pilot_uses`.

        Returns:
            The channel input x of the burst.

        Raises:
            ValueError: If a channel gives a negative number of pilots, or a header has bits beyond
                its declared length.
        """
        uses = burst.uses.cpu()
        pilots = _pilots(uses, pilot_uses)
        self.transmissions[images] += (uses > 0).long()
        self.channel_uses[images] += uses
        self.pilot_uses[images] += pilots
        if burst.header is not None:
            self.side_information_bits[images] += _header_bits(burst.header, burst.header_bits)
        # In sequence: the rounding of a sum must not depend on the width of the batch.
        self.energy[images] += energy_per_use(burst.x).cpu().cumsum(1)[:, -1:].sum(1)
        slots = torch.maximum(-(-uses // slot.uses), -(-(uses + pilots) // slot.resources))
        self.slots[images] += slots
        self.latency_s[images] += slot.slot_s * slots
        return burst.x

    def count_bits(
        self, images: Tensor, offered: list[Tensor] | None, accepted: list[Tensor] | None
    ) -> None:
        """Counts the information bits of images that stopped: accepted ones against offered ones.

        Args:
            images: [rows] int64.
            offered: Bits of each image that the transmitter offered; None for an analog scheme.
            accepted: First bits of each image that the receiver accepted. If one of them is wrong
                (an error that no CRC detected), none of them counts as delivered.

        Raises:
            ValueError: If a scheme gives only one of the two, or accepts more than was offered.
        """
        if offered is None and accepted is None:
            return
        if offered is None or accepted is None or not len(offered) == len(accepted) == len(images):
            raise ValueError("a digital scheme must give offered() and accepted() for every image")
        for image, truth, claim in zip(images.tolist(), offered, accepted, strict=True):
            if len(claim) > len(truth):
                raise ValueError(f"a receiver accepts {len(claim)} bits, {len(truth)} were offered")
            right = torch.equal(claim.cpu(), truth[: len(claim)].cpu().to(claim.dtype))
            self.information_bits[image] = len(truth)
            self.delivered_bits[image] = len(claim) if right else 0

    def compare_images(
        self, images: Tensor, sent: OriginalImages, received: Tensor | Sequence[np.ndarray] | None
    ) -> None:
        """Measures the quality of received images against those that were sent.

        Args:
            images: [rows] int64.
            sent: Returns images of the batch by their rows.
            received: uint8 [h, w, 3] for each image; None for a scheme that delivers none.

        Raises:
            ValueError: If a received image is missing, or has another shape or type.
        """
        if received is None:
            return
        originals = torch.from_numpy(sent(images.numpy()))
        if len(received) != len(originals):
            raise ValueError(f"a receiver has {len(received)} images of {len(originals)}")
        for image, original, found in zip(images.tolist(), originals, received, strict=True):
            shown = found.cpu() if isinstance(found, Tensor) else torch.from_numpy(found.copy())
            if shown.dtype != torch.uint8 or shown.shape != original.shape:
                raise ValueError(
                    f"a received image is {shown.dtype} {list(shown.shape)}, it must be uint8 "
                    f"{list(original.shape)}"
                )
            self.compared[image] = True
            self.psnr_db[image] = psnr_db(original, shown)
            self.ssim[image] = ssim(original, shown)

    def charge_feedback(
        self,
        images: Tensor,
        feedback: Feedback,
        last: Tensor | bool,
        side_information_bits: int,
        at_transmitter: Feedback | None = None,
    ) -> None:
        """Charges an answer: one bit, and the bits of the request beside a NACK.

        Args:
            images: [rows] int64.
            feedback: The answers.
            last: Images that have had their last transmission, [rows] bool or one for all.
            side_information_bits: Control bits of their bursts beside headers.
            at_transmitter: The answers as the transmitter receives them, with their bits on the
                feedback link; None for a link without errors.
        """
        at_transmitter = feedback if at_transmitter is None else at_transmitter
        nack = (~feedback.ack.cpu() & ~torch.as_tensor(last)).long()
        sent = (self.channel_uses[images] > 0).long()  # without a burst there is no answer
        self.feedback_bits[images] += sent + nack * at_transmitter.request_bits.cpu()
        self.side_information_bits[images] += side_information_bits
        ended = (nack > 0) & at_transmitter.ack.cpu()
        self.reason[images] = feedback.reason.cpu().masked_fill(ended, FALSE_ACK)

    @staticmethod
    def join(parts: list[Ledger]) -> Ledger:
        """Returns one ledger of several batches."""
        return Ledger(
            **{f.name: torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Ledger)}
        )


def _header_bits(header: Tensor, bits: Tensor | None) -> Tensor:
    """Returns the bits of each row's header, [rows] int64."""
    width = header.shape[1]
    if bits is None:
        return torch.full((len(header),), width)
    bits = bits.cpu()
    beyond = torch.arange(width) >= bits[:, None]
    if bool((bits < 0).any() | (bits > width).any() | (header.cpu() & beyond).any()):
        raise ValueError("a burst's header carries bits beyond the length that it declares")
    return bits


def _pilots(uses: Tensor, pilot_uses: Callable[[int], int]) -> Tensor:
    """Returns the pilots of each burst, [rows] int64; 0 where nothing is sent."""
    pilots = torch.zeros_like(uses)
    for count in uses[uses > 0].unique().tolist():
        spent = pilot_uses(count)
        if not (isinstance(spent, int) and spent >= 0):
            raise ValueError(f"the channel's pilot_uses({count}) is {spent!r}, not a count")
        pilots[uses == count] = spent
    return pilots
