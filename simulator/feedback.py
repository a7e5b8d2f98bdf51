"""The feedback link: what the transmitter hears of the receiver's answers, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from phy.channel import Channel
from phy.coding.crc import CRC11
from phy.streams import Streams
from simulator.scheme import Feedback


@dataclass(frozen=True)
class FeedbackLink:
    """A binary symmetric channel from receiver to transmitter, and a delay.

    ```
    NACK: 1 bit | request, a bit a feature | CRC11        ACK: 1 bit
    ```

    Every bit is flipped with probability `error`. An ACK bit has no check: heard wrong, an ACK
    costs a transmission, and a NACK ends the image with what its receiver has. A request ends in a
    CRC (11 bits, TS 38.212 clause 6.3.1.2.1, counted); when that fails there was no request, and a
    bit in the header of the next burst tells the receiver so (`Burst.header`). Where an ACK was
    heard as a NACK no request was sent, and the CRC is one of noise. A wrong request that passes,
    one of 2^11, is followed, and the two ends no longer agree on what is sent.

    A link without errors carries no CRC and needs no header.

    The transmitter waits for the answer (stop and wait for each image; others may use the slots
    meanwhile): `delay_slots` add to the latency of every retransmission, and a channel with memory
    moves on by as many slots.

    Attributes:
        error: Probability in [0, 1] that a bit is heard wrong.
        delay_slots: Slots from the end of a burst until the answer is there, at least 0.

    Raises:
        ValueError: When one of them is out of range.
    """

    error: float = 0.0
    delay_slots: int = 0

    def __post_init__(self) -> None:
        if not (isinstance(self.error, (int, float)) and 0 <= self.error <= 1):
            raise ValueError(f"feedback_error is {self.error!r}, it must be from 0 to 1")
        if not (isinstance(self.delay_slots, int) and self.delay_slots >= 0):
            raise ValueError(
                f"feedback_delay is {self.delay_slots!r}, it must be a whole number of slots"
            )

    def carry(self, feedback: Feedback, streams: Streams) -> Feedback:
        """The answers as the transmitter hears them.

        Args:
            feedback: The receiver's answers. A request of 0 `request_bits` follows from the
                protocol, is not sent, and cannot be misheard.
            streams: Random numbers of this slot's answers.

        Returns:
            ack and request as heard, no feature asked for where the CRC fails; `request_bits` with
            the CRC; `request_received` False where the CRC fails, None where nobody sends requests.
        """
        if self.error == 0:
            return feedback
        ack, request, bits = feedback.ack, feedback.request, feedback.request_bits
        width = 0 if request is None else request.shape[1] + CRC11.length
        chance = streams.uniform(1 + width).to(ack.device)
        heard = feedback._replace(ack=ack ^ (chance[:, 0] < self.error))
        if request is None:
            return heard
        asks = (bits > 0).to(ack.device)
        place = torch.arange(width, device=ack.device)
        on_air = (place < bits[:, None].to(ack.device)) | (place >= request.shape[1])
        # Noise, where no request was sent, is a word each bit of which is flipped half the time.
        flip_chance = torch.where(ack, 0.5, self.error)[:, None]
        flips = (chance[:, 1:] < flip_chance) & on_air & asks[:, None]
        sent = torch.from_numpy(CRC11.append(request.to(torch.uint8).cpu().numpy()))
        word = sent.to(ack.device).bool() ^ flips
        passes = torch.from_numpy(CRC11.check(word.to(torch.uint8).cpu().numpy())).to(ack.device)
        return heard._replace(
            request=word[:, : request.shape[1]].to(request.device) & passes[:, None],
            request_bits=bits + CRC11.length * (bits > 0).to(bits.dtype),
            request_received=passes,
        )

    def wait(self, channel: Channel, streams: Streams, memory: Any) -> Any:
        """A channel's memory after the slots in which the transmitter waits for the answer."""
        for slot in range(0 if memory is None else self.delay_slots):
            _, memory = channel.draw(streams.for_role(f"slot {slot}"), 1, memory)
        return memory


#: No errors, no delay.
ERROR_FREE = FeedbackLink()
