"""The multi-task network without a channel: images -> s -> tasks."""

from __future__ import annotations

from torch import Tensor, nn

from semantic.encoder.timm import DENSENET, build_backbone
from semantic.tasks import TaskPerformers


class MultiTaskNetwork(nn.Module):
    """The clean-trained multi-task network: images -> s -> tasks, no channel in between.

    ```
    x -> DenseNet-121 -> s -> task performers
    ```

    Args:
        identities: Classes of the re-identification head.
        backbone: The encoder, "densenet121" or "timm:NAME".
    """

    def __init__(self, identities: int, backbone: str = DENSENET) -> None:
        super().__init__()
        self.encoder = build_backbone(backbone)
        self.performers = TaskPerformers(identities)

    def forward(self, x: Tensor) -> Tensor:
        """Normalized images [batch, 3, h, w] -> s [batch, 1024]."""
        s: Tensor = self.encoder(x)
        return s
