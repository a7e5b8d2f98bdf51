"""The multi-task network without a channel: images -> s -> tasks."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from semantic.encoder.timm import DENSENET, build_backbone
from semantic.tasks import TaskPerformers


class MultiTaskNetwork(nn.Module):
    """The multi-task network, trained on clean images: images -> s -> tasks.

    ```
    x -> DenseNet-121 -> s -> task performers
    ```

    Args:
        identities: Number of classes of the re-identification head.
        backbone: Name of the encoder, "densenet121", "timm:NAME" or "module:Class".
    """

    def __init__(self, identities: int, backbone: str = DENSENET) -> None:
        super().__init__()
        self.encoder = build_backbone(backbone)
        self.performers = TaskPerformers(identities)

    def forward(self, x: Float[Tensor, "batch 3 h w"]) -> Float[Tensor, "batch N"]:
        """Returns s of normalized images."""
        s: Tensor = self.encoder(x)
        return s
