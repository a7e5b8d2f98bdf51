"""The networks of semharq-plus: s <-> 64 latent features of unit variance."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.link.jsc import DecoderInput, JscDecoder, JscEncoder
from semantic.plus.hybrid import LatentQuantizer
from semantic.plus.schedule import LATENT_FEATURES
from semantic.tasks import TaskOutputs, TaskPerformers


class PlusNetwork(nn.Module):
    """All networks of semharq-plus behind the semantic encoder.

    ```
    s -> JSC-Encoder, batch normalization -> c -> innovation -> power -> channel
                                                  ^
                                                  +-- fed-back estimate
    channel -> matched filter -> belief -> JSC-Decoder -> s_hat -> tasks
    ```

    Args:
        identities: Number of classes of the re-identification head.
        clean: The encoder's own performers, to be shared; None for performers of its own.
        quantized: Whether it has a quantizer of the latent features, for plus-hybrid.

    Attributes:
        scale: Root mean square of each feature of s over the training set, [N].
    """

    scale: Tensor

    def __init__(
        self, identities: int, clean: TaskPerformers | None = None, quantized: bool = False
    ) -> None:
        super().__init__()
        self.shares_performers = clean is not None
        self.jsc_encoder = JscEncoder(length=LATENT_FEATURES)
        self.unit_variance = nn.BatchNorm1d(LATENT_FEATURES, affine=False)
        self.jsc_decoder = JscDecoder(inputs=2 * LATENT_FEATURES)
        self.performers = TaskPerformers(identities) if clean is None else clean
        self.quantizer = LatentQuantizer() if quantized else None
        self.register_buffer("scale", torch.ones(SEMANTIC_FEATURES))

    def encode(self, s: Float[Tensor, "batch N"]) -> Float[Tensor, "batch latent"]:
        """Returns the latent features c of s."""
        c: Tensor = self.unit_variance(self.jsc_encoder(s / self.scale))
        return c

    def decode(self, belief: DecoderInput) -> tuple[Float[Tensor, "batch N"], TaskOutputs]:
        """Returns s_hat in units of `scale`, and the outputs of the tasks."""
        s_hat = self.jsc_decoder(belief)
        return s_hat, self.performers(s_hat * self.scale)
