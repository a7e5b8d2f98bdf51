"""The joint source-channel coder (JSC): s -> f at the transmitter, buffer -> s_hat at the receiver."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from semantic.columns import linear
from semantic.conventions import CODED_FEATURES, SEMANTIC_FEATURES
from semantic.tasks import LEAKY_SLOPE

#: Width of the hidden layer of encoder and decoder.
HIDDEN = 1024


@runtime_checkable
class DecoderInput(Protocol):
    """A receiver's state that a decoder reads: a buffer of features, or a belief about them."""

    def decoder_input(self) -> Float[Tensor, "batch inputs"]:
        """Returns the decoder's input."""


class JscEncoder(nn.Module):
    """The encoder: s [batch, N] -> FC 1024, BN, LeakyReLU -> FC 1024 -> f [batch, L].

    Source: SemHARQ Table I.

    >>> sum(p.numel() for p in JscEncoder().parameters())  # the paper: 2.10 million
    2101248
    """

    def __init__(self, n: int = SEMANTIC_FEATURES, length: int = CODED_FEATURES) -> None:
        super().__init__()
        self.hidden = nn.Linear(n, HIDDEN)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.out = nn.Linear(HIDDEN, length)

    def forward(self, s: Float[Tensor, "batch N"]) -> Float[Tensor, "batch L"]:
        """Returns f before power control."""
        f: Tensor = self.out(nn.functional.leaky_relu(self.norm(self.hidden(s)), LEAKY_SLOPE))
        return f


class JscDecoder(nn.Module):
    """The decoder: buffer -> FC 1024, BN, LeakyReLU -> FC 1024, ReLU -> s_hat [batch, N].

    Its input is `Buffer.decoder_input`. For the combining buffer these are 2 L numbers: the linear
    MMSE estimate of each feature and its reliability.

    Source: SemHARQ Table I; the combining input is this project's choice (docs/semantics.md).

    >>> sum(p.numel() for p in JscDecoder(16 * 1024).parameters())  # the paper: 17.83 million
    17829888
    """

    def __init__(self, inputs: int = 2 * CODED_FEATURES, n: int = SEMANTIC_FEATURES) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, HIDDEN)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.out = nn.Linear(HIDDEN, n)

    def forward(
        self, received: DecoderInput, columns: Int[Tensor, " some"] | None = None
    ) -> Float[Tensor, "batch N"]:
        """Returns s_hat.

        Args:
            received: The receiver's state.
            columns: Positions of the features that the state holds, where it holds only some; as
                for `LinkNetwork.decode`.
        """
        x = received.decoder_input()
        x = nn.functional.leaky_relu(self.norm(linear(self.hidden, x, columns)), LEAKY_SLOPE)
        return torch.relu(self.out(x))
