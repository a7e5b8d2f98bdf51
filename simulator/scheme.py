"""The contract of a transmission scheme.

A scheme is a protocol and nothing else: it says what enters the channel and what the receiver
makes of what comes out. It holds no memory between calls; what the two ends remember goes in and
comes out as a value. The channel, the noise and the meter belong to the simulator, so a scheme
can neither grade itself nor see its own noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.slots import Slot

State = TypeVar("State")


class Burst(NamedTuple):
    """What a transmitter puts into one slot.

    Attributes:
        x: [batch, width] complex channel input, zero beyond each row's uses.
        uses: [batch] int64 complex channel uses that each row pays for; more than a slot has take
            several slots.
        header: [batch, bits] bool, control information that arrives without errors and is counted
            as side information; None for nothing.
        header_bits: [batch] int64, length of each row's header, which is zero behind; None where
            every row has all bits.
    """

    x: Tensor
    uses: Tensor
    header: Tensor | None = None
    header_bits: Tensor | None = None


class Feedback(NamedTuple):
    """What a receiver sends back after one slot.

    Attributes:
        ack: [batch] bool, True where the image needs no further transmission.
        request: [batch, bits] bool, what goes back beside ACK/NACK: the features asked for again, or
            the receiver's estimates; None for nothing.
        request_bits: [batch] int64, length of the request on the feedback channel beside the
            one bit of ACK/NACK; charged where the answer is NACK.
        reason: [batch] int8, index into the scheme's `reasons`.
        request_received: [batch] bool, as the transmitter hears it: False where the request was lost,
            and then says nothing; None on a link without errors.
    """

    ack: Tensor
    request: Tensor | None
    request_bits: Tensor
    reason: Tensor
    request_received: Tensor | None = None


@dataclass(frozen=True)
class Payload:
    """What a scheme makes of a batch of images before any channel, once for all SNRs.

    Attributes:
        tensors: Named tensors, leading axis "batch".
        objects: Named lists with one entry per image (e.g. files of different lengths).
    """

    tensors: dict[str, Tensor]
    objects: dict[str, list[Any]]

    def take(self, index: Tensor) -> Payload:
        """Some of the images."""
        rows = index.tolist()
        return Payload(
            {name: value[index.to(value.device)] for name, value in self.tensors.items()},
            {name: [value[i] for i in rows] for name, value in self.objects.items()},
        )


class Scheme(ABC):
    """A transmission scheme; subclasses are final.

    ```
    images -> encode -> payload -> start -> tx, rx
    tx, feedback -> transmit -> burst =channel=> received, rx -> receive -> feedback, rx
    rx -> perform -> task outputs
    ```
    """

    #: Why an image stopped, by the index in `Feedback.reason`.
    reasons: ClassVar[tuple[str, ...]] = ("nack", "ack")
    #: Bits of side information per transmission that the receiver cannot know (ledger).
    side_information_bits: int = 0
    #: Whether it takes the encoder's outputs of the clean images; without, they are not computed.
    needs_features: ClassVar[bool] = True
    #: Whether the transmitter waits for no answer: feedback errors and delay are then nothing to it.
    open_loop: bool = False

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Most transmissions of an image: G_max, unless the scheme has a number of its own."""
        return max_transmissions

    @abstractmethod
    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """The payload of some images, given as rows of the encoded' readable images."""

    @abstractmethod
    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        """(transmitter's state, receiver's state) before the first slot."""

    @abstractmethod
    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        """The next burst and the transmitter's new state."""

    def read_header(self, rx: Any, header: Tensor | None) -> Any:
        """The receiver's state once it knows a burst's header, before the burst itself."""
        return rx

    @abstractmethod
    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        """The answer to a burst and the receiver's new state."""

    @abstractmethod
    def perform(self, rx: Any) -> TaskOutputs:
        """The tasks, on what has been received."""

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """What a server that holds some of the images itself compares queries with: [rows, width].

        The encoder's own performers on the encoder's s, unless what `perform` gives comes from
        other networks. Asked for with --gallery clean alone.

        Args:
            encoded: The images and the encoder.
            index: [rows] rows of the readable images.
        """
        return encoded.embedding(encoded.encoder.network.performers, index)

    def offered(self, tx: Any) -> list[Tensor] | None:
        """Information bits offered so far, [bits] zeros and ones for each image.

        None, the default, for an analog scheme. The ledger reads it and `accepted`, nobody else.
        """
        return None

    def accepted(self, rx: Any) -> list[Tensor] | None:
        """The first of those bits that the receiver takes for right, [bits] for each image.

        Whole transport blocks: empty where the CRC of the first does not hold. None for an analog
        scheme. The ledger compares them with the truth, so that a scheme cannot grade itself.
        """
        return None


def take(state: State, index: Tensor) -> State:
    """The rows of some of the images out of a state.

    A state is a tensor or array, a list with one entry per image, None, a number, a string, or a
    dataclass, tuple or named tuple of such; a dataclass may bring a `take` of its own.
    """
    if isinstance(state, Tensor):
        return state[index.to(state.device)]  # type: ignore[return-value]
    if isinstance(state, np.ndarray):
        return state[index.cpu().numpy()]  # type: ignore[no-any-return]
    if state is None or isinstance(state, (int, float, str)):
        return state
    if hasattr(state, "take"):
        taken: State = state.take(index)
        return taken
    if isinstance(state, list):
        return [state[i] for i in index.tolist()]  # type: ignore[return-value]
    if isinstance(state, tuple):
        values = tuple(take(value, index) for value in state)
        return type(state)(*values) if hasattr(state, "_fields") else values  # type: ignore[return-value]
    if is_dataclass(state) and not isinstance(state, type):
        rows = {f.name: take(getattr(state, f.name), index) for f in fields(state)}
        return type(state)(**rows)
    raise TypeError(f"a scheme's state holds a {type(state).__name__}, which has no rows to take")


def scatter_outputs(
    into: TaskOutputs | None, index: Tensor, rows: TaskOutputs, n: int
) -> TaskOutputs:
    """Writes the outputs of some images into those of the whole batch of n."""
    if into is None:
        into = TaskOutputs(*(v.new_zeros(n, *v.shape[1:]) for v in rows))
    for whole, part in zip(into, rows, strict=True):
        whole[index.to(whole.device)] = part
    return into


def no_request(ack: Tensor) -> Feedback:
    """ACK or NACK alone: one bit, nothing asked for in particular."""
    return Feedback(ack, None, torch.zeros_like(ack, dtype=torch.int64), ack.to(torch.int8))
