"""Feature distortion evaluation (FDE): which of the received features are wrong?"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from semantic.conventions import CODED_FEATURES

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


#: Initial weight of each feature in MINE's statistic, the precision that d_tilde = 1 stands for.
PRECISION_SCALE = 16.0


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
        self,
        length: int = CODED_FEATURES,
        hidden: tuple[int, int] = HIDDEN,
        inputs: int | None = None,
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
        # Precisions run from about 0.5 (-6 dB) to 12 (8 dB): the gate d_tilde, in (0, 1), has room
        # for both only if what it multiplies is of their size from the start.
        nn.init.constant_(self.statistic.weight, PRECISION_SCALE)

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

    def pair_score(
        self,
        inputs: Float[Tensor, "batch inputs"],
        z_padded: Float[Tensor, "batch length"],
        sent: Float[Tensor, "batch length"],
    ) -> Float[Tensor, "batch length"]:
        """MINE's statistic T_i(z_hat, z_i) for each received feature and a candidate for it.

            tau_i = |w_i| d_tilde_i(z_hat)
            T_i = log p(z_i | z_hat_i) / p(z_i)
                = tau (z_hat z - z^2 / 2) + log(1 + tau) / 2 - tau^2 z_hat^2 / (2 (1 + tau))

        for z_i ~ N(0, 1) and z_hat_i received with the precision tau_i that F believes it has. What
        maximizes the bound is the true precision, so d_tilde, which sees z_hat alone, says how far
        each feature can be trusted: it is trained in the domain in which it is asked. The exact
        normalization keeps the statistic from growing without bound where the mutual information
        is more than a batch can show.

        Args:
            inputs: What the network sees.
            z_padded: Received features at their positions, zero where none was received.
            sent: Features at the same positions, of the same image or of another.

        Returns:
            One score per feature; meaningful at the received positions only.
        """
        tau = self(inputs).similarity * self.statistic.weight[0].abs()
        likelihood = tau * (z_padded * sent - sent.square() / 2)
        evidence = tau.square() * z_padded.square() / (2 * (1 + tau)) - tau.log1p() / 2
        score: Tensor = likelihood - evidence
        return score

    def distortion(self, z_padded: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch length"]:
        """How distorted each feature is: d = 1 - d_tilde, in (0, 1); see `forward`."""
        return 1.0 - self(z_padded).similarity  # type: ignore[no-any-return]
