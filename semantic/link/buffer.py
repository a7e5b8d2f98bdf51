"""The receiver's buffer: the features received in all transmissions so far.

A buffer is an immutable value. Adding a slot, given by the positions, matched-filter outputs and
weights of its features, returns a new buffer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int
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
        matched: Output of the matched filter, Re(h* y) 2 / no.
        weight: SNR of each feature, |h|^2 2 / no. Its noise is real, of variance no / 2.
    """

    selection: Selection
    matched: Float[Tensor, "batch B"]
    weight: Float[Tensor, "batch B"]


class Buffer(ABC):
    """A receiver's buffer: an immutable value that `add` turns into the next one."""

    @classmethod
    @abstractmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Buffer:
        """Returns the buffer before the first transmission."""

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
            self.matched + slot.selection.spread(slot.matched),
            self.weight + slot.selection.spread(slot.weight),
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


@final
@dataclass(frozen=True)
class Concatenating(Buffer):
    """The paper's buffer: the zero-padded vectors of up to 16 transmissions, side by side.

    From the 17th transmission on, a new vector replaces the oldest one.

    Attributes:
        vectors: MMSE estimates of each transmission.
        latest: Latest estimate of each feature.
        latest_weight: SNR of the latest estimate.
        count: Number of transmissions so far.
    """

    vectors: Float[Tensor, "batch 16 L"]
    latest: Float[Tensor, "batch L"]
    latest_weight: Float[Tensor, "batch L"]
    count: int = 0

    inputs = CONCATENATED * CODED_FEATURES

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Concatenating:
        """Returns the buffer before the first transmission."""
        zero = torch.zeros(batch, CODED_FEATURES, device=device)
        return cls(torch.zeros(batch, CONCATENATED, CODED_FEATURES, device=device), zero, zero)

    def add(self, slot: SlotFeatures) -> Concatenating:
        """Returns the buffer with the slot's zero-padded vector in the next place."""
        vector = slot.selection.spread(slot.matched / (1 + slot.weight))
        vectors = self.vectors.clone()
        vectors[:, self.count % CONCATENATED] = vector
        newest = slot.selection.spread(slot.matched / slot.weight.clamp_min(1e-9))
        weight = slot.selection.spread(slot.weight)
        here = slot.selection.spread(torch.ones_like(slot.weight)) > 0
        return Concatenating(
            vectors,
            torch.where(here, newest, self.latest),
            torch.where(here, weight, self.latest_weight),
            self.count + 1,
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
        return Concatenating(
            self.vectors[index], self.latest[index], self.latest_weight[index], self.count
        )


#: Buffers by name.
BUFFERS: dict[str, type[Combining] | type[Concatenating]] = {
    "combine": Combining,
    "concatenate": Concatenating,
}
