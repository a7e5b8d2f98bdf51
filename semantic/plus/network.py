"""The networks of semharq-plus: s <-> 64 latent features of unit variance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.link.jsc import JscDecoder, JscEncoder
from semantic.plus.belief import Belief
from semantic.plus.schedule import LATENT
from semantic.tasks import TaskOutputs, TaskPerformers


class PlusNetwork(nn.Module):
    """Everything behind the encoder of semharq-plus.

    ```
    s -> JSC-Encoder, batch normalization -> c -> (c - fed_back) / deviation -> power -> channel
                                              ^
                                              +-- estimates fed back
    channel -> matched filter -> belief -> JSC-Decoder -> s_hat -> tasks
    ```

    Args:
        identities: Classes of the re-identification head.
        clean: The encoder's own performers, to be shared; None for performers of its own.

    Attributes:
        scale: [N], root mean square of each feature of s over the training set.
    """

    scale: Tensor

    def __init__(self, identities: int, clean: TaskPerformers | None = None) -> None:
        super().__init__()
        self.shares_performers = clean is not None
        self.jsc_encoder = JscEncoder(length=LATENT)
        self.unit_variance = nn.BatchNorm1d(LATENT, affine=False)
        self.jsc_decoder = JscDecoder(inputs=2 * LATENT)
        self.performers = TaskPerformers(identities) if clean is None else clean
        self.register_buffer("scale", torch.ones(SEMANTIC_FEATURES))

    def encode(self, s: Tensor) -> Tensor:
        """c [batch, LATENT] of s [batch, N]."""
        c: Tensor = self.unit_variance(self.jsc_encoder(s / self.scale))
        return c

    def decode(self, belief: Belief) -> tuple[Tensor, TaskOutputs]:
        """(s_hat [batch, N] in units of `scale`, the tasks' outputs)."""
        s_hat = self.jsc_decoder(belief)
        return s_hat, self.performers(s_hat * self.scale)
