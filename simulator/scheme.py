"""The contract of a transmission scheme.

A scheme is a protocol: it defines what enters the channel and what the receiver does with the
channel output. The channel, the noise and the ledger belong to the simulator, so a scheme can
neither grade itself nor see its own noise.

A scheme object holds constants (networks, arguments, tables) and memoized results of pure functions
(a cache that changes no result, whatever the earlier calls). It holds nothing about images or about a
transmission: the payload carries what belongs to the images, and the states of transmitter and
receiver go into each call and come out of it as values. One scheme object can therefore serve
several data sets, points and threads in any order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence, Sized
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from phy.channel import Received
from phy.old_paths import warn_old_attribute
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.renamed import keep_old_methods
from simulator.slots import Slot
from simulator.spec_fields import BATCH_SIZE

State = TypeVar("State")
Value = TypeVar("Value")


class Burst(NamedTuple):
    """The channel input of one transmission.

    Attributes:
        x: [batch, width] complex64 channel input, zero beyond each row's uses.
        uses: [batch] int64, complex channel uses that each row spends. A burst of more uses than a
            slot has occupies several slots.
        header: [batch, bits] bool, control information that arrives without errors and counts as
            side information; None for no header.
        header_bits: [batch] int64, length of each row's header, which is zero beyond it; None if
            every row uses all bits.
    """

    x: Tensor
    uses: Tensor
    header: Tensor | None = None
    header_bits: Tensor | None = None


class Feedback(NamedTuple):
    """The receiver's answer to one transmission.

    Attributes:
        ack: [batch] bool, True where the image needs no further transmission.
        request: [batch, bits] bool, the feedback beside ACK/NACK: a retransmission request, or the
            receiver's estimates; None for neither.
        request_bits: [batch] int64, length of the request on the feedback channel beside the
            one bit of ACK/NACK; charged where the answer is NACK.
        reason: [batch] int8, index into the scheme's `reasons`.
        request_received: [batch] bool, set by the feedback link: False where the request was lost
            and is all zeros at the transmitter; None on a link without errors.
    """

    ack: Tensor
    request: Tensor | None
    request_bits: Tensor
    reason: Tensor
    request_received: Tensor | None = None

    @property
    def request_heard(self) -> Tensor | None:
        """The old name of `request_received`, until version 0.3."""
        warn_old_attribute("Feedback.request_heard", "Feedback.request_received")
        return self.request_received


@dataclass(frozen=True)
class Shared(Generic[Value]):
    """A value in a payload or state that belongs to all images of the batch together.

    Attributes:
        value: E.g. the data set that the images come from.
    """

    value: Value

    def take(self, index: Tensor) -> Shared[Value]:
        """Returns the same value: it has no rows."""
        return self


@dataclass(frozen=True)
class Payload:
    """What a scheme computes from a batch of images before any channel, once for all SNRs.

    Attributes:
        tensors: Named tensors, leading axis "batch".
        objects: Named lists with one entry per image (e.g. files of different lengths), or `Shared`
            values (e.g. the source of the images' files).
    """

    tensors: dict[str, Tensor]
    objects: dict[str, list[Any] | Shared[Any]] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, Sized]:
        """The tensors and lists that have an entry for each image."""
        lists = {name: v for name, v in self.objects.items() if isinstance(v, list)}
        return {**self.tensors, **lists}

    def take(self, index: Tensor) -> Payload:
        """Returns the payload of some of the images."""
        return Payload(
            {name: take(value, index) for name, value in self.tensors.items()},
            {name: take(value, index) for name, value in self.objects.items()},
        )


class Scheme(ABC):
    """A transmission scheme; subclasses are final.

    ```
    images -> encode -> payload -> start -> tx, rx
    tx, feedback -> transmit -> burst =channel=> received, rx -> receive -> feedback, rx
    rx -> perform -> task outputs
    ```

    The attributes below describe a scheme to the simulator. A subclass sets those that differ from
    the default: in its class body, or in `__init__` if the value depends on the arguments; never by
    a property.

    Attributes:
        reasons: Why an image stopped, by the index in `Feedback.reason`.
        side_information_bits: Control bits of each transmission that the receiver cannot know,
            beside headers; charged by the ledger.
        needs_features: Whether `encode` reads the encoder's outputs for the clean images; if no
            scheme of a run does, they are not computed.
        open_loop: Whether the transmitter never waits for an answer. Feedback errors and feedback
            delay then have no effect.
        files: Paths of the files that the scheme reads, e.g. of its own weights. They are hashed:
            a changed file recomputes the scheme's points.
        batch_size: Images that are simulated together unless the run says otherwise; changes no
            number. More images make larger matrix products, and need more memory.
    """

    reasons: tuple[str, ...] = ("nack", "ack")
    side_information_bits: int = 0
    needs_features: bool = True
    open_loop: bool = False
    files: Sequence[str | Path] = ()
    batch_size: int = BATCH_SIZE

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        keep_old_methods(cls, "Scheme")

    def transmissions(self, slot: Slot, max_transmissions: int) -> int:
        """Returns the most transmissions of an image: G_max, unless the protocol fixes the number."""
        return max_transmissions

    def rounds(self, slot: Slot, max_transmissions: int) -> int:
        """The old name of `transmissions`, until version 0.3."""
        warn_old_attribute("Scheme.rounds", "Scheme.transmissions")
        return Scheme.transmissions(self, slot, max_transmissions)

    @abstractmethod
    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        """Returns the payload of some images.

        Args:
            encoded: The data set and its encoder. It also keeps what a scheme derives from all
                images and needs again (`EncodedDataset.once`).
            index: [rows] int64, rows of the data set's readable images.
        """

    @abstractmethod
    def start(self, payload: Payload, slot: Slot) -> tuple[Any, Any]:
        """Returns (transmitter's state, receiver's state) before the first transmission."""

    @abstractmethod
    def transmit(self, tx: Any, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Any]:
        """Returns the next burst and the transmitter's new state."""

    def read_header(self, rx: Any, header: Tensor | None) -> Any:
        """Returns the receiver's state once it knows a burst's header, before the burst itself."""
        return rx

    @abstractmethod
    def receive(self, rx: Any, received: Received, slot: Slot) -> tuple[Feedback, Any]:
        """Returns the answer to a burst and the receiver's new state."""

    @abstractmethod
    def perform(self, rx: Any) -> TaskOutputs:
        """Returns the tasks' outputs from what has been received."""

    def clean_embedding(self, encoded: EncodedDataset, index: np.ndarray) -> Tensor:
        """Returns the embeddings of clean images at a server that holds them: [rows, width].

        Used with --gallery clean. The default applies the encoder's own performers to s; a scheme
        whose `perform` uses other networks overrides it.

        Args:
            encoded: The images and the encoder.
            index: [rows] rows of the readable images.
        """
        return encoded.embedding(encoded.encoder.network.performers, index)

    def offered(self, tx: Any) -> list[Tensor] | None:
        """Returns the information bits offered so far, [bits] zeros and ones for each image.

        None, the default, for an analog scheme. Only the ledger reads this and `accepted`.
        """
        return None

    def received_images(self, rx: Any) -> Tensor | Sequence[np.ndarray] | None:
        """Returns the images as the receiver shows them: uint8 [h, w, 3] for each image.

        None, the default, for a scheme that delivers no images. Only the ledger reads this: it
        compares them with the images that were sent (`psnr_db`, `ssim`). Where an image failed,
        this is what the tasks get in its place.

        Args:
            rx: The receiver's state after the last transmission.
        """
        return None

    def sent_features(self, tx: Any, slot: Slot) -> Tensor | None:
        """Returns which features the latest burst carries: [batch, width] int64 positions.

        In the order of sending, -1 where a row carries fewer. None, the default, for a scheme that
        sends no features. Only a record of the transmissions reads this (`simulator.open_link`).

        Args:
            tx: The transmitter's state after the burst.
            slot: The slot.
        """
        return None

    def accepted(self, rx: Any) -> list[Tensor] | None:
        """Returns the first of those bits that the receiver accepts, [bits] for each image.

        Whole transport blocks: empty where the CRC of the first fails. None for an analog scheme.
        The ledger compares them with the offered bits, so that a scheme cannot grade itself.
        """
        return None


def take(state: State, index: Tensor) -> State:
    """Returns the rows of some of the images out of a state.

    A state is a tensor or array, a list with one entry per image, None, a number, a string, a
    `Shared` value, or a dataclass, tuple or named tuple of these. A dataclass may define its own
    `take`.

    Raises:
        TypeError: For a value of another type.

    >>> take((torch.tensor([5, 6, 7]), ["a", "b", "c"], Shared("all")), torch.tensor([2]))
    (tensor([7]), ['c'], Shared(value='all'))
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


def no_request(ack: Tensor) -> Feedback:
    """Returns ACK or NACK alone: one bit, no request; reason 1 for ACK, 0 for NACK."""
    return Feedback(ack, None, torch.zeros_like(ack, dtype=torch.int64), ack.to(torch.int8))
