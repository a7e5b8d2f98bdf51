"""The feature distortion evaluation (FDE) network F: how distorted is each received feature?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from semantic.columns import linear
from semantic.conventions import CODED_FEATURES

#: Widths of the first two layers by version of the paper.
HIDDEN = {"v2": (1024, 256), "v1": (256, 256)}


class FdeOutput(NamedTuple):
    """Outputs of the network for each received vector.

    Attributes:
        similarity: Similarity d_tilde of each feature to the sent one, in (0, 1); meaningful at
            the received positions only.
        score: Statistic of the mutual information bound, any real number.
    """

    similarity: Float[Tensor, "batch length"]
    score: Float[Tensor, " batch"]


#: Initial weight of each feature in MINE's statistic: the precision at d_tilde = 1.
PRECISION_SCALE = 16.0


class FdeNetwork(nn.Module):
    """Four dense layers: the third gives the distortion, the fourth serves its training.

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
        hidden: tuple[int, int] = HIDDEN["v2"],
        inputs: int | None = None,
    ) -> None:
        """Initializes the layers.

        Args:
            length: Number L of features.
            hidden: Widths of the first and the second layer.
            inputs: Width of the input; None means L. It is 2 L if the network also gets the
                reliability of each feature.

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
        # Precisions range from about 0.5 (-6 dB) to 12 (8 dB). The gate d_tilde, in (0, 1), covers
        # this range only if the weights that it multiplies are large enough from the start.
        nn.init.constant_(self.statistic.weight, PRECISION_SCALE)

    def forward(self, z_padded: Float[Tensor, "batch inputs"]) -> FdeOutput:
        """Returns the similarity of each feature and the score of each vector.

        Args:
            z_padded: Received features at their positions, zero where none was received.
        """
        similarity = torch.sigmoid(self.judge(self.compress(z_padded)))
        score: Tensor = self.statistic(similarity)
        return FdeOutput(similarity, score.squeeze(1))

    def pair_scores(
        self,
        similarity: Float[Tensor, "batch length"],
        z_padded: Float[Tensor, "batch length"],
        candidates: Sequence[Float[Tensor, "batch length"]],
        columns: Bool[Tensor, " length"] | None = None,
    ) -> list[Tensor]:
        """Returns MINE's statistic T_i(z_hat, z_i) of each received feature and candidates z_i.

            tau_i = |w_i| d_tilde_i(z_hat)
            T_i = log p(z_i | z_hat_i) / p(z_i)
                = tau (z_hat z - z^2 / 2) + log(1 + tau) / 2 - tau^2 z_hat^2 / (2 (1 + tau))

        Here z_i ~ N(0, 1), and tau_i is the precision that F assigns to z_hat_i. The true precision
        maximizes the bound. Training therefore makes d_tilde, a function of z_hat alone, a measure
        of each feature's reliability. The exact normalization keeps the statistic bounded where
        the mutual information exceeds what a batch can show.

        Args:
            similarity: Output d_tilde of the network.
            z_padded: Received features at their positions, zero where none was received.
            candidates: Sent features of the same image or of another one.
            columns: Features to score; None for all.

        Returns:
            [batch, columns] scores of each candidate, meaningful at the received positions only.
        """
        some = slice(None) if columns is None else columns
        z_hat = z_padded[:, some]
        tau = similarity[:, some] * self.statistic.weight[0].abs()[some]
        evidence = tau.square() * z_hat.square() / (2 * (1 + tau)) - tau.log1p() / 2
        chosen = [sent[:, some] for sent in candidates]
        return [tau * (z_hat * sent - sent.square() / 2) - evidence for sent in chosen]

    def distortion(
        self, z_padded: Float[Tensor, "batch inputs"], columns: Int[Tensor, " some"] | None = None
    ) -> Float[Tensor, "batch length"]:
        """Returns the distortion d = 1 - d_tilde of each feature, in (0, 1); see `forward`.

        Args:
            z_padded: As in `forward`; with `columns`, the inputs of these features alone.
            columns: Positions, ascending, of the only features that were received; None for all.

        >>> network = FdeNetwork(length=2)
        >>> z = torch.randn(3, 2)
        >>> torch.equal(network.distortion(z), 1 - network(z).similarity)
        True
        """
        first, *others = self.compress
        x = linear(first, z_padded, columns)
        for layer in others:
            x = layer(x)
        return 1.0 - torch.sigmoid(self.judge(x))
