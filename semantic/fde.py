"""Feature distortion evaluation (FDE): which of the received features are wrong?"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

#: Widths of the first two layers; the first version of the paper has (256, 256).
HIDDEN = (1024, 256)


class FdeOutput(NamedTuple):
    """What the network says of each received vector.

    Attributes:
        similarity: d_tilde in (0, 1) per feature; meaningful at the received positions only.
        score: The statistic of the mutual information bound, any real number.
    """

    similarity: Float[Tensor, "batch length"]
    score: Float[Tensor, " batch"]


class FdeNetwork(nn.Module):
    """The network F: four dense layers; the third gives the distortion, the fourth trains it.

    ```
    z_padded -> FC 1024, ReLU -> FC 256, ReLU -> FC 1024, sigmoid -> FC 1 -> score
                                                              |
                                                              +-> similarity d_tilde = 1 - d
    ```

    Source: SemHARQ section III-A and Table I.

    >>> network = FdeNetwork()
    >>> sum(parameter.numel() for parameter in network.parameters())  # the paper: 1.58 million
    1576193
    """

    def __init__(
        self, length: int = 1024, hidden: tuple[int, int] = HIDDEN, inputs: int | None = None
    ) -> None:
        """Draws the initial weights.

        Args:
            length: L, number of features judged.
            hidden: Widths of the first and the second layer.
            inputs: Width of the input if it is not `length`, such as 2 L for a receiver that
                also shows |h| of each feature.

        Raises:
            ValueError: A size is not positive.
        """
        super().__init__()
        first, second = hidden
        inputs = length if inputs is None else inputs
        if min(length, first, second, inputs) < 1:
            sizes = f"length {length}, hidden {hidden}, inputs {inputs}"
            raise ValueError(f"sizes must be positive, got {sizes}")
        self.compress = nn.Sequential(
            nn.Linear(inputs, first), nn.ReLU(), nn.Linear(first, second), nn.ReLU()
        )
        self.judge = nn.Linear(second, length)
        self.statistic = nn.Linear(length, 1)

    def forward(self, z_padded: Float[Tensor, "batch inputs"]) -> FdeOutput:
        """Judges received vectors.

        Args:
            z_padded: The received features at their positions, zero where none was received.

        Returns:
            Similarity of each feature, and the score of each vector.
        """
        similarity = torch.sigmoid(self.judge(self.compress(z_padded)))
        score: Tensor = self.statistic(similarity)
        return FdeOutput(similarity, score.squeeze(1))

    def distortion(self, z_padded: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch length"]:
        """How distorted each feature is: d = 1 - d_tilde, in (0, 1); see `forward`."""
        return 1.0 - self(z_padded).similarity  # type: ignore[no-any-return]
