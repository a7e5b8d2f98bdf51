"""A buffer of both parts of z_hat: in-phase and quadrature, for a decoder that reads both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from semantic.link.buffer import Buffer, SlotFeatures


@final
@dataclass(frozen=True)
class Quadrature(Buffer):
    """Two buffers of one kind, of the in-phase and of the quadrature part of z_hat.

    The slots' matched-filter outputs are complex. F and the genie read the in-phase part, which
    carries the features over a channel without phase.

    Attributes:
        in_phase: Buffer of the real parts.
        quadrature: Buffer of the imaginary parts.
    """

    in_phase: Buffer
    quadrature: Buffer

    def add(self, slot: SlotFeatures) -> Quadrature:
        """Returns the buffers with each part of the slot added."""
        whole = slot.estimate
        return Quadrature(
            self.in_phase.add(replace(slot, matched=slot.matched.real, unbiased=whole.real)),
            self.quadrature.add(replace(slot, matched=slot.matched.imag, unbiased=whole.imag)),
        )

    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns the inputs of both buffers, side by side."""
        return torch.cat([self.in_phase.decoder_input(), self.quadrature.decoder_input()], 1)

    def received(self) -> Float[Tensor, "batch L"]:
        """Returns the in-phase part of z_hat."""
        return self.in_phase.received()

    def reliability(self) -> Float[Tensor, "batch L"]:
        """Returns the reliability of the in-phase part."""
        return self.in_phase.reliability()

    def take(self, index: Int[Tensor, " rows"]) -> Quadrature:
        """Returns the buffers of some of the images."""
        return Quadrature(self.in_phase.take(index), self.quadrature.take(index))
