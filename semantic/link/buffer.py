"""The receiver's buffer: the features received in all transmissions so far.

A buffer is an immutable value. Adding a slot, given by the positions, matched-filter outputs and
weights of its features, returns a new buffer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, final

import torch
from jaxtyping import Float, Inexact, Int
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.selector import Selection

#: Transmissions that the concatenating buffer holds: 16 of 1024 features fill the paper's decoder.
CONCATENATED = 16


@dataclass(frozen=True)
class SlotFeatures:
    """The features of one received slot.

    Attributes:
        selection: Feature of f that each symbol carries.
        matched: Output of the matched filter, Re(h* y) 2 / no; complex, with the quadrature part as
            the imaginary one, for a `Quadrature` buffer.
        weight: SNR of each feature, |h|^2 2 / no. Its noise is real, of variance no / 2.
        unbiased: Set by `shared`: the unbiased estimate of each feature times its share.
        share: Set by `shared`: share of each feature that the buffer takes; None for all of it.
    """

    selection: Selection
    matched: Inexact[Tensor, "batch B"]
    weight: Float[Tensor, "batch B"]
    unbiased: Inexact[Tensor, "batch B"] | None = None
    share: Float[Tensor, "batch B"] | None = None

    @property
    def estimate(self) -> Inexact[Tensor, "batch B"]:
        """Unbiased estimate of each feature, times its share."""
        if self.unbiased is not None:
            return self.unbiased
        return self.matched / self.weight.clamp_min(1e-9)

    def shared(self, share: Float[Tensor, "batch B"]) -> SlotFeatures:
        """Returns the slot of which a buffer takes a share in [0, 1] of each feature."""
        matched, weight = self.matched * share, self.weight * share
        return SlotFeatures(self.selection, matched, weight, self.estimate * share, share)


class Buffer(ABC):
    """A receiver's buffer: an immutable value that `add` turns into the next one."""

    @abstractmethod
    def add(self, slot: SlotFeatures) -> Buffer:
        """Returns the buffer after one more transmission."""

    @abstractmethod
    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns the input of the JSC-Decoder."""

    @abstractmethod
    def received(self) -> Float[Tensor, "batch L"]:
        """Returns z_hat, zero where no feature was received: the input of the FDE network."""

    @abstractmethod
    def reliability(self) -> Float[Tensor, "batch L"]:
        """Returns the reliability w / (1 + w) of each feature in z_hat; w is its SNR."""

    @abstractmethod
    def take(self, index: Int[Tensor, " rows"]) -> Buffer:
        """Returns the buffer of some of the images."""


@final
@dataclass(frozen=True)
class Combining(Buffer):
    """Maximum-ratio combining of all transmissions of a feature.

    Attributes:
        matched: Sum of the matched-filter outputs over the transmissions.
        weight: Sum of their weights: the SNR of each feature; 0 if it was not received.

    >>> two = Combining(torch.tensor([[3.0, 0.0]]), torch.tensor([[3.0, 0.0]]))
    >>> two.received(), two.reliability()
    (tensor([[1., 0.]]), tensor([[0.7500, 0.0000]]))
    """

    matched: Float[Tensor, "batch L"]
    weight: Float[Tensor, "batch L"]

    inputs = 2 * CODED_FEATURES

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Combining:
        """Returns the buffer before the first transmission."""
        zero = torch.zeros(batch, CODED_FEATURES, device=device)
        return cls(zero, zero)

    def add(self, slot: SlotFeatures) -> Combining:
        """Returns the buffer with the slot's outputs and weights added at their positions."""
        return Combining(
            slot.selection.add_to(self.matched, slot.matched),
            slot.selection.add_to(self.weight, slot.weight),
        )

    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns the MMSE estimate (prior variance 1) and the reliability, side by side.

        >>> Combining(torch.tensor([[3.0]]), torch.tensor([[3.0]])).decoder_input()
        tensor([[0.7500, 0.7500]])
        """
        shrink = 1 / (1 + self.weight)
        return torch.cat([self.matched * shrink, self.weight * shrink], 1)

    def received(self) -> Float[Tensor, "batch L"]:
        """Returns the unbiased estimate of each feature."""
        return torch.where(self.weight > 0, self.matched / self.weight.clamp_min(1e-9), 0.0)

    def reliability(self) -> Float[Tensor, "batch L"]:
        """Returns the reliability after all transmissions."""
        return self.weight / (1 + self.weight)

    def take(self, index: Int[Tensor, " rows"]) -> Combining:
        """Returns the buffer of some of the images."""
        return Combining(self.matched[index], self.weight[index])

    def columns(self, positions: Int[Tensor, " some"]) -> Combining:
        """Returns the buffer of some of the features alone."""
        return Combining(self.matched[:, positions], self.weight[:, positions])


@final
@dataclass(frozen=True)
class Averaging(Buffer):
    """The mean of the estimates of each feature, without any reliability.

    Attributes:
        total: Sum of the unbiased estimates over the transmissions.
        count: Number of transmissions of each feature.

    >>> two = Averaging(torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 0.0]]))
    >>> two.decoder_input()
    tensor([[1.5000, 0.0000]])
    """

    total: Float[Tensor, "batch L"]
    count: Float[Tensor, "batch L"]

    inputs = CODED_FEATURES

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Averaging:
        """Returns the buffer before the first transmission."""
        zero = torch.zeros(batch, CODED_FEATURES, device=device)
        return cls(zero, zero)

    def add(self, slot: SlotFeatures) -> Averaging:
        """Returns the buffer with the slot's estimates added at their positions."""
        taken = (slot.weight > 0).to(slot.weight.dtype) if slot.share is None else slot.share
        spread = slot.selection.spread
        return Averaging(self.total + spread(slot.estimate), self.count + spread(taken))

    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns the mean estimate of each feature."""
        return self.total / self.count.clamp_min(1)

    def received(self) -> Float[Tensor, "batch L"]:
        """Returns the mean estimate of each feature."""
        return self.decoder_input()

    def reliability(self) -> Float[Tensor, "batch L"]:
        """Returns 1 for each feature that was received, else 0."""
        return self.count.clamp_max(1)

    def take(self, index: Int[Tensor, " rows"]) -> Averaging:
        """Returns the buffer of some of the images."""
        return Averaging(self.total[index], self.count[index])


@final
@dataclass(frozen=True)
class Concatenating(Buffer):
    """The paper's buffer: the zero-padded vectors of up to 16 transmissions, side by side.

    From the 17th transmission on, a new vector replaces the oldest one.

    Attributes:
        vectors: MMSE estimates of each transmission, or unbiased ones.
        latest: Latest estimate of each feature.
        latest_weight: SNR of the latest estimate.
        count: Number of transmissions so far.
        raw: Whether the vectors are unbiased estimates, z_hat / h for a receiver that knows h.
    """

    vectors: Float[Tensor, "batch 16 L"]
    latest: Float[Tensor, "batch L"]
    latest_weight: Float[Tensor, "batch L"]
    count: int = 0
    raw: bool = False

    inputs = CONCATENATED * CODED_FEATURES

    @classmethod
    def empty(
        cls, batch: int, device: torch.device | str = "cpu", raw: bool = False
    ) -> Concatenating:
        """Returns the buffer before the first transmission."""
        zero = torch.zeros(batch, CODED_FEATURES, device=device)
        vectors = torch.zeros(batch, CONCATENATED, CODED_FEATURES, device=device)
        return cls(vectors, zero, zero, raw=raw)

    def add(self, slot: SlotFeatures) -> Concatenating:
        """Returns the buffer with the slot's zero-padded vector in the next place."""
        newest = slot.selection.spread(slot.estimate)
        mmse = slot.matched / (1 + slot.weight)
        vectors = self.vectors.clone()
        vectors[:, self.count % CONCATENATED] = newest if self.raw else slot.selection.spread(mmse)
        weight = slot.selection.spread(slot.weight)
        here = slot.selection.spread(torch.ones_like(slot.weight)) > 0
        return Concatenating(
            vectors,
            torch.where(here, newest, self.latest),
            torch.where(here, weight, self.latest_weight),
            self.count + 1,
            self.raw,
        )

    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns all vectors side by side, [batch, 16 L]."""
        return self.vectors.flatten(1)

    def received(self) -> Float[Tensor, "batch L"]:
        """Returns the latest estimate of each feature."""
        return self.latest

    def reliability(self) -> Float[Tensor, "batch L"]:
        """Returns the reliability of the latest transmission of each feature."""
        return self.latest_weight / (1 + self.latest_weight)

    def take(self, index: Int[Tensor, " rows"]) -> Concatenating:
        """Returns the buffer of some of the images."""
        rows = (self.vectors[index], self.latest[index], self.latest_weight[index])
        return Concatenating(*rows, self.count, self.raw)


class BufferKind(NamedTuple):
    """A kind of buffer.

    Attributes:
        inputs: Width of `Buffer.decoder_input`.
        empty: Maps a batch size and a device to the buffer before the first transmission.
    """

    inputs: int
    empty: Callable[..., Buffer]


#: Kinds of buffers by name.
BUFFERS = {
    "combine": BufferKind(Combining.inputs, Combining.empty),
    "average": BufferKind(Averaging.inputs, Averaging.empty),
    "concatenate": BufferKind(Concatenating.inputs, Concatenating.empty),
    "concatenate-raw": BufferKind(Concatenating.inputs, partial(Concatenating.empty, raw=True)),
}
