"""Semantic decoders and task performers: s or s_hat -> the three tasks' outputs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES

#: Width of the semantic decoders (re-identification, color, type), SemHARQ Table I.
DECODER_WIDTHS = (1024, 512, 512)
LEAKY_SLOPE = 0.01


class TaskOutputs(NamedTuple):
    """What the receiver makes of one batch of images.

    Attributes:
        embedding: [batch, 1024], compared by cosine for re-identification.
        vehicle: [batch, training identities] logits.
        color: [batch, 10] logits.
        type: [batch, 9] logits.
    """

    embedding: Tensor
    vehicle: Tensor
    color: Tensor
    type: Tensor

    @property
    def probabilities(self) -> tuple[Tensor, Tensor, Tensor]:
        """Posterior of each task [batch, classes]: re-identification, color, type."""
        return self.vehicle.softmax(-1), self.color.softmax(-1), self.type.softmax(-1)

    def uncertainty(self) -> Tensor:
        """U [batch]: the posterior entropy in nats, averaged over the tasks (SemHARQ eq. 18)."""
        entropies = [torch.special.entr(p).sum(-1) for p in self.probabilities]
        return torch.stack(entropies).mean(0)

    def detach(self) -> TaskOutputs:
        """The same values outside the graph."""
        return TaskOutputs(*(value.detach() for value in self))


def put_rows(
    whole: TaskOutputs | None, index: Tensor, rows: TaskOutputs, batch: int
) -> TaskOutputs:
    """Writes the outputs of some images into those of the whole batch.

    Args:
        whole: Outputs of the batch, changed in place; None for zeros.
        index: [rows] int64, places of the images in the batch.
        rows: Their outputs.
        batch: Images of the batch.

    Returns:
        The outputs of the batch.
    """
    if whole is None:
        whole = TaskOutputs(*(value.new_zeros(batch, *value.shape[1:]) for value in rows))
    for target, part in zip(whole, rows, strict=True):
        target[index.to(target.device)] = part
    return whole


class TaskPerformers(nn.Module):
    """Three semantic decoders FC + LeakyReLU and three performers FC.

    ```
    s_hat -> FC 1024, LeakyReLU -> embedding -> FC identities
          -> FC  512, LeakyReLU -----------> FC 10 colors
          -> FC  512, LeakyReLU -----------> FC 9 types
    ```

    Source: SemHARQ Table I.
    """

    def __init__(
        self, identities: int, colors: int = 10, types: int = 9, n: int = SEMANTIC_FEATURES
    ) -> None:
        super().__init__()
        self.identities = identities
        self.decoders = nn.ModuleList(nn.Linear(n, width) for width in DECODER_WIDTHS)
        classes = (identities, colors, types)
        self.performers = nn.ModuleList(
            nn.Linear(width, count) for width, count in zip(DECODER_WIDTHS, classes, strict=True)
        )

    def forward(self, s_hat: Tensor) -> TaskOutputs:
        """[batch, 1024] -> the outputs of the three tasks."""
        hidden = [
            nn.functional.leaky_relu(decoder(s_hat), LEAKY_SLOPE) for decoder in self.decoders
        ]
        logits = [
            performer(value) for performer, value in zip(self.performers, hidden, strict=True)
        ]
        return TaskOutputs(hidden[0], *logits)
