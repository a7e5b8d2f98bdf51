"""Joint source-channel coder: s -> f at the transmitter, the receiver's buffer -> s_hat."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from semantic.conventions import CODED_FEATURES, SEMANTIC_FEATURES
from semantic.tasks import LEAKY_SLOPE

#: Width of the hidden layer of coder and decoder.
HIDDEN = 1024


class DecoderInput(Protocol):
    """What a receiver holds: a buffer of features, or a belief about them."""

    def decoder_input(self) -> Tensor:
        """[batch, inputs]."""


class JscEncoder(nn.Module):
    """s [batch, N] -> FC 1024, BN, LeakyReLU -> FC 1024 -> f [batch, L]; 2.10 M parameters.

    Source: SemHARQ Table I.
    """

    def __init__(self, n: int = SEMANTIC_FEATURES, length: int = CODED_FEATURES) -> None:
        super().__init__()
        self.hidden = nn.Linear(n, HIDDEN)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.out = nn.Linear(HIDDEN, length)

    def forward(self, s: Tensor) -> Tensor:
        """f, not yet power-controlled."""
        f: Tensor = self.out(nn.functional.leaky_relu(self.norm(self.hidden(s)), LEAKY_SLOPE))
        return f


class JscDecoder(nn.Module):
    """What was received -> FC 1024, BN, LeakyReLU -> FC 1024, ReLU -> s_hat [batch, N].

    Its input is what `Buffer.decoder_input` lays out: for the combining buffer the linear MMSE
    estimate of each feature and how far it can be trusted, 2 L numbers.

    Source: SemHARQ Table I; the combining input is this project's choice (docs/semantics.md).
    """

    def __init__(self, inputs: int = 2 * CODED_FEATURES, n: int = SEMANTIC_FEATURES) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, HIDDEN)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.out = nn.Linear(HIDDEN, n)

    def forward(self, received: DecoderInput) -> Tensor:
        """s_hat [batch, N]."""
        x = received.decoder_input()
        x = nn.functional.leaky_relu(self.norm(self.hidden(x)), LEAKY_SLOPE)
        return torch.relu(self.out(x))
