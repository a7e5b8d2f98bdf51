"""The networks of digital-vq: s -> task vector -> indices, and back to s_hat and the tasks.

The task vector of an image has the principal components of what its three performers give: the
direction of the embedding, and the square roots of the probabilities of color and type. Squared
distances between task vectors therefore measure what re-identification by cosine similarity and the
two classifications lose (for probabilities, twice the squared Hellinger distance).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from semantic.conventions import SEMANTIC_FEATURES
from semantic.tasks import DECODER_WIDTHS, TaskOutputs, TaskPerformers
from semantic.vq.residual import ResidualQuantizer

#: Numbers of a task vector.
TASK_DIMENSIONS = 32
#: Bits of the stages of the quantizer. Two of them fill the block of a short code.
STAGE_BITS = (7, *([6] * 23))
#: Weight of the distance between class probabilities against that between embeddings.
CLASS_WEIGHT = 0.3
#: Colors and types.
CLASSES = 19


class VqNetwork(nn.Module):
    """Task vectors and their quantizer, made of the encoder's performers and training statistics.

    ```
    s -> performers -> embedding, color, type -> projection -> x -> residual quantizer -> indices
    probabilities of the indices -> x_hat -> linear estimate s_hat -> performers -> tasks
    ```

    Args:
        performers: The encoder's performers.
        stage_bits: Bits of the index of each stage.
        dimensions: Numbers of a task vector, a multiple of 8. With 6 or 7 of them, the matrix
            product of a CPU rounds odd rows differently from even ones, so that a result would
            depend on the other images of its batch.

    Raises:
        ValueError: If `dimensions` is no multiple of 8.

    Attributes:
        center: Mean over the training set of what is projected.
        projection: Principal axes.
        codewords: Codewords of the quantizer, stage by stage.
        log_prior: Logarithm of the share of training images of each codeword.
        accuracy: Mean over the three tasks of the accuracy on training images if the first 0, 1, 2,
            ... stages arrive, as a share of the accuracy without quantization.
        s_mean: Mean of s.
        restoration: Linear estimator of s - s_mean from x_hat.
    """

    center: Tensor
    projection: Tensor
    codewords: Tensor
    log_prior: Tensor
    accuracy: Tensor
    s_mean: Tensor
    restoration: Tensor

    def __init__(
        self,
        performers: TaskPerformers,
        stage_bits: tuple[int, ...] = STAGE_BITS,
        dimensions: int = TASK_DIMENSIONS,
    ) -> None:
        super().__init__()
        if dimensions < 8 or dimensions % 8:
            raise ValueError(f"dimensions = {dimensions} is not allowed, it must be 8, 16, 24, ...")
        self.performers, self.stage_bits, self.dimensions = performers, stage_bits, dimensions
        described, codewords = DECODER_WIDTHS[0] + CLASSES, sum(2**bits for bits in stage_bits)
        for name, shape in (
            ("center", (described,)),
            ("projection", (described, dimensions)),
            ("codewords", (codewords, dimensions)),
            ("log_prior", (codewords,)),
            ("accuracy", (len(stage_bits) + 1,)),
            ("s_mean", (SEMANTIC_FEATURES,)),
            ("restoration", (dimensions, SEMANTIC_FEATURES)),
        ):
            self.register_buffer(name, torch.zeros(shape))

    @property
    def quantizer(self) -> ResidualQuantizer:
        """The quantizer of task vectors."""
        return ResidualQuantizer(self.stage_bits, self.codewords)

    @property
    def prior(self) -> ResidualQuantizer:
        """`log_prior`, stage by stage, as codewords of one number."""
        return ResidualQuantizer(self.stage_bits, self.log_prior[:, None])

    def task_vector(self, s: Float[Tensor, "batch N"]) -> Float[Tensor, "batch dimensions"]:
        """Returns the task vectors of s."""
        return (described(self.performers(s)) - self.center) @ self.projection

    def decode(
        self, x_hat: Float[Tensor, "batch dimensions"]
    ) -> tuple[Float[Tensor, "batch N"], TaskOutputs]:
        """Returns s_hat and the outputs of the tasks."""
        s_hat = torch.relu(self.s_mean + x_hat @ self.restoration)
        return s_hat, self.performers(s_hat)


def described(outputs: TaskOutputs) -> Float[Tensor, "batch described"]:
    """Returns what a task vector is projected from: unit embedding, weighted roots of probabilities.

    >>> outputs = TaskOutputs(torch.tensor([[3.0, 4.0]]), *(torch.zeros(1, 4) for _ in range(3)))
    >>> described(outputs)[0, :3]
    tensor([0.6000, 0.8000, 0.1500])
    """
    _, color, kind = outputs.probabilities
    classes = torch.cat([color, kind], 1).sqrt() * CLASS_WEIGHT
    return torch.cat([nn.functional.normalize(outputs.embedding, dim=1), classes], 1)
