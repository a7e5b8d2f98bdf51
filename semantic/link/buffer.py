"""What the receiver keeps between transmissions.

Both buffers take a slot in as positions with a matched-filter output and its weight, and give a
new buffer back; nothing is changed in place, so a buffer can be kept, indexed and replayed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self, final

import torch
from torch import Tensor

from semantic.conventions import CODED_FEATURES
from semantic.link.selector import Selection

#: Transmissions that the concatenating buffer has room for (v2's 17.83 M decoder: 16 of 1024).
CONCATENATED = 16


@dataclass(frozen=True)
class SlotFeatures:
    """One received slot, feature by feature.

    Attributes:
        selection: Which feature of f each symbol carries.
        matched: [batch, B] Re(h* y) 2 / no, the matched filter's output.
        weight: [batch, B] |h|^2 2 / no, the SNR of that feature (its noise is real: no / 2).
    """

    selection: Selection
    matched: Tensor
    weight: Tensor


class Buffer(ABC):
    """A receiver buffer: a value that `add` turns into the next one."""

    @classmethod
    @abstractmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Self:
        """The buffer before the first transmission."""

    @abstractmethod
    def add(self, slot: SlotFeatures) -> Self:
        """The buffer after one more transmission."""

    @abstractmethod
    def decoder_input(self) -> Tensor:
        """[batch, inputs], what the JSC-Decoder reads."""

    @abstractmethod
    def received(self) -> Tensor:
        """z_hat [batch, L], zero where nothing came: what the FDE network reads."""

    @abstractmethod
    def reliability(self) -> Tensor:
        """w / (1 + w) [batch, L] in [0, 1), w the SNR of what `received` gives; 0 for nothing."""

    @abstractmethod
    def take(self, index: Tensor) -> Self:
        """The rows of some of the images."""


@final
@dataclass(frozen=True)
class Combining(Buffer):
    """Maximum-ratio combining into one vector of length L and its per-feature reliability.

    Attributes:
        matched: [batch, L] sum over the transmissions of Re(h* y) 2 / no.
        weight: [batch, L] sum of |h|^2 2 / no, the SNR of each feature; 0 where nothing came.
    """

    matched: Tensor
    weight: Tensor

    inputs = 2 * CODED_FEATURES

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Combining:
        """Nothing received."""
        zero = torch.zeros(batch, CODED_FEATURES, device=device)
        return cls(zero, zero)

    def add(self, slot: SlotFeatures) -> Combining:
        """Adds matched-filter outputs and weights at their positions."""
        return Combining(
            self.matched + slot.selection.spread(slot.matched),
            self.weight + slot.selection.spread(slot.weight),
        )

    def decoder_input(self) -> Tensor:
        """MMSE estimate (unit prior variance) and reliability w / (1 + w), [batch, 2 L]."""
        shrink = 1 / (1 + self.weight)
        return torch.cat([self.matched * shrink, self.weight * shrink], 1)

    def received(self) -> Tensor:
        """Unbiased estimate of each feature."""
        return torch.where(self.weight > 0, self.matched / self.weight.clamp_min(1e-9), 0.0)

    def reliability(self) -> Tensor:
        """Of all transmissions together."""
        return self.weight / (1 + self.weight)

    def take(self, index: Tensor) -> Combining:
        """The rows of some of the images."""
        return Combining(self.matched[index], self.weight[index])


@final
@dataclass(frozen=True)
class Concatenating(Buffer):
    """The paper's buffer: the zero-padded vectors of up to 16 transmissions side by side.

    Later transmissions take the places of the oldest ones once all 16 are taken.

    Attributes:
        vectors: [batch, 16, L] MMSE estimates of each transmission.
        latest: [batch, L] the last estimate of each feature.
        latest_weight: [batch, L] its SNR.
        count: Transmissions so far.
    """

    vectors: Tensor
    latest: Tensor
    latest_weight: Tensor
    count: int = 0

    inputs = CONCATENATED * CODED_FEATURES

    @classmethod
    def empty(cls, batch: int, device: torch.device | str = "cpu") -> Concatenating:
        """Nothing received."""
        zero = torch.zeros(batch, CODED_FEATURES, device=device)
        return cls(torch.zeros(batch, CONCATENATED, CODED_FEATURES, device=device), zero, zero)

    def add(self, slot: SlotFeatures) -> Concatenating:
        """Puts the slot's zero-padded vector beside the earlier ones."""
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

    def decoder_input(self) -> Tensor:
        """[batch, 16 L]."""
        return self.vectors.flatten(1)

    def received(self) -> Tensor:
        """The last received value of each feature."""
        return self.latest

    def reliability(self) -> Tensor:
        """Of the last transmission of each feature."""
        return self.latest_weight / (1 + self.latest_weight)

    def take(self, index: Tensor) -> Concatenating:
        """The rows of some of the images."""
        return Concatenating(
            self.vectors[index], self.latest[index], self.latest_weight[index], self.count
        )


BUFFERS: dict[str, type[Combining] | type[Concatenating]] = {
    "combine": Combining,
    "concatenate": Concatenating,
}
