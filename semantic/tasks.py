"""Semantic decoders and task performers: s or s_hat -> the outputs of the three tasks."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.tiles import in_tiles

#: Width of the semantic decoders (re-identification, color, type), SemHARQ Table I.
DECODER_WIDTHS = (1024, 512, 512)
#: Negative slope of all leaky ReLUs.
LEAKY_SLOPE = 0.01


class TaskOutputs(NamedTuple):
    """Outputs of the three tasks for a batch of images.

    Attributes:
        embedding: Vector that re-identification compares by cosine similarity, [batch, 1024].
        vehicle: Logits of the training identities.
        color: Logits of the 10 colors.
        type: Logits of the 9 types.

    >>> undecided = TaskOutputs(torch.zeros(1, 1024), *(torch.zeros(1, n) for n in (4, 4, 4)))
    >>> undecided.uncertainty()  # ln 4
    tensor([1.3863])
    """

    embedding: Float[Tensor, "batch width"]
    vehicle: Float[Tensor, "batch identities"]
    color: Float[Tensor, "batch colors"]
    type: Float[Tensor, "batch types"]

    @property
    def probabilities(self) -> tuple[Tensor, Tensor, Tensor]:
        """Posterior probabilities of each task, [batch, classes]: identity, color, type."""
        return self.vehicle.softmax(-1), self.color.softmax(-1), self.type.softmax(-1)

    def uncertainty(self) -> Float[Tensor, " batch"]:
        """Returns U, the mean over the tasks of the posterior entropy in nats (SemHARQ eq. 18)."""
        # In tiles: the probabilities of all identities and images are a large tensor.
        return in_tiles(
            lambda *logits: _uncertainty(TaskOutputs(self.embedding, *logits)), *self[1:]
        )


def _uncertainty(outputs: TaskOutputs) -> Tensor:
    entropies = [torch.special.entr(p).sum(-1) for p in outputs.probabilities]
    return torch.stack(entropies).mean(0)


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
        target[index.to(target.device, non_blocking=True)] = part
    return whole


def rows_to_compute(mask: Tensor) -> Tensor:
    """Returns the rows that a receiver has to compute: those of a mask [batch] on a CPU.

    Other devices compute all rows: the host would have to wait for the number of rows, and the
    next kernel with it.

    >>> rows_to_compute(torch.tensor([False, True]))
    tensor([1])
    """
    if mask.device.type == "cpu":
        return mask.nonzero().flatten()
    return torch.arange(len(mask), device=mask.device)


class TaskPerformers(nn.Module):
    """Three semantic decoders (FC, LeakyReLU), each followed by a task performer (FC).

    ```
    s_hat -> FC 1024, LeakyReLU -> embedding -> FC identities
          -> FC  512, LeakyReLU -----------> FC 10 colors
          -> FC  512, LeakyReLU -----------> FC 9 types
    ```

    Args:
        identities: Number of training identities.
        colors: Number of colors.
        types: Number of types.
        n: Length of s.

    Source: SemHARQ Table I.

    >>> sum(p.numel() for p in TaskPerformers(576).parameters())  # the paper: 2.70 million
    2699347
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

    def forward(self, s_hat: Float[Tensor, "batch N"]) -> TaskOutputs:
        """Returns the outputs of the three tasks on s or s_hat."""
        hidden = [
            nn.functional.leaky_relu(decoder(s_hat), LEAKY_SLOPE) for decoder in self.decoders
        ]
        logits = [
            performer(value) for performer, value in zip(self.performers, hidden, strict=True)
        ]
        return TaskOutputs(hidden[0], *logits)
