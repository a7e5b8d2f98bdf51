"""The feedback link: errors and delay of the receiver's answers."""

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
    NACK: 1 bit | request, one bit per feature | CRC11        ACK: 1 bit
    ```

    Every bit is flipped with probability `error`. The ACK bit has no CRC: an ACK received as a NACK
    costs a transmission, and a NACK received as an ACK ends the image with the receiver's present
    state. A request ends in a CRC (11 bits, TS 38.212 clause 6.3.1.2.1, counted). If the CRC fails,
    the request is lost, and a bit in the header of the next burst says so (`Burst.header`). If an
    ACK is received as a NACK, no request was sent, and the CRC is computed over noise. A wrong
    request whose CRC holds (one of 2^11) is followed; transmitter and receiver then no longer agree
    on the features of a slot.

    A link without errors carries no CRC and needs no header.

    The transmitter waits for each answer (stop and wait for each image; other images may use the
    slots meanwhile). `delay_slots` add to the latency of every retransmission, and a channel with
    memory moves on by as many slots.

    Attributes:
        error: Probability in [0, 1] that a bit is flipped.
        delay_slots: Slots from the end of a burst until its answer arrives, at least 0.

    Raises:
        ValueError: If one of them is out of range.
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
        """Returns the answers as the transmitter receives them.

        Args:
            feedback: The receiver's answers. A request of 0 `request_bits` follows from the
                protocol; it is not sent and has no errors.
            streams: Random numbers of this slot's answers.

        Returns:
            Received ack and request, the request all zeros where the CRC fails; `request_bits`
            with the CRC; `request_received` False where the CRC fails, None without requests.
        """
        if self.error == 0:
            return feedback
        ack, request, bits = feedback.ack, feedback.request, feedback.request_bits
        width = 0 if request is None else request.shape[1] + CRC11.length
        chance = streams.uniform(1 + width).to(ack.device)
        received = feedback._replace(ack=ack ^ (chance[:, 0] < self.error))
        if request is None:
            return received
        asks = (bits > 0).to(ack.device)
        place = torch.arange(width, device=ack.device)
        on_air = (place < bits[:, None].to(ack.device)) | (place >= request.shape[1])
        # Where no request was sent, the received word is noise: each bit is flipped half the time.
        flip_chance = torch.where(ack, 0.5, self.error)[:, None]
        flips = (chance[:, 1:] < flip_chance) & on_air & asks[:, None]
        sent = torch.from_numpy(CRC11.append(request.to(torch.uint8).cpu().numpy()))
        word = sent.to(ack.device).bool() ^ flips
        passes = torch.from_numpy(CRC11.check(word.to(torch.uint8).cpu().numpy())).to(ack.device)
        return received._replace(
            request=word[:, : request.shape[1]].to(request.device) & passes[:, None],
            request_bits=bits + CRC11.length * (bits > 0).to(bits.dtype),
            request_received=passes,
        )

    def wait(self, channel: Channel, streams: Streams, memory: Any) -> Any:
        """Returns a channel's memory after the slots in which the transmitter waits for the answer."""
        for slot in range(0 if memory is None else self.delay_slots):
            _, memory = channel.draw(streams.for_role(f"slot {slot}"), 1, memory)
        return memory


#: No errors, no delay.
ERROR_FREE = FeedbackLink()
