"""Joint source-channel coder: s -> f at the transmitter, the receiver's buffer -> s_hat."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from semantic.tasks import LEAKY_SLOPE


class DecoderInput(Protocol):
    """What a receiver holds: a buffer of features, or a belief about them."""

    def decoder_input(self) -> Tensor:
        """[batch, inputs]."""


class JscEncoder(nn.Module):
    """s [batch, N] -> FC 1024, BN, LeakyReLU -> FC 1024 -> f [batch, L]; 2.10 M parameters.

    Source: SemHARQ Table I.
    """

    def __init__(self, n: int = 1024, length: int = 1024) -> None:
        super().__init__()
        self.hidden = nn.Linear(n, 1024)
        self.norm = nn.BatchNorm1d(1024)
        self.out = nn.Linear(1024, length)

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

    def __init__(self, inputs: int = 2048, n: int = 1024) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, 1024)
        self.norm = nn.BatchNorm1d(1024)
        self.out = nn.Linear(1024, n)

    def forward(self, received: DecoderInput) -> Tensor:
        """s_hat [batch, N]."""
        x = received.decoder_input()
        x = nn.functional.leaky_relu(self.norm(self.hidden(x)), LEAKY_SLOPE)
        return torch.relu(self.out(x))
