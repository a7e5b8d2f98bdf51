"""Training losses: the task losses and the channel loss.

    L_T = L_r + 0.125 L_c + 0.125 L_t,   L_r = batch-hard triplet + cross-entropy
    L_CH = mean squared error between s and s_hat, over the features or summed over them

Every loss is a mean over the images whose label is known. It is 0 for a batch without known labels,
and its gradient is then 0 as well: a training step on such a batch changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, fields, replace
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from semantic.conventions import UNKNOWN
from semantic.suggest import nearest
from semantic.tasks import TaskOutputs

#: Margin alpha of the triplet loss.
DEFAULT_MARGIN = 0.3


@dataclass(frozen=True)
class TaskWeights:
    """Weight lambda of each task in the task loss (SemHARQ eq. 24).

    Attributes:
        reid: Weight of re-identification.
        color: Weight of color recognition.
        type: Weight of type recognition.
    """

    reid: float = 1.0
    color: float = 0.125
    type: float = 0.125

    def only(self, tasks: Collection[str]) -> TaskWeights:
        """Returns the same weights for some of the tasks, and 0 for the others.

        Args:
            tasks: Names of the tasks that keep their weight.

        Raises:
            ValueError: No task is given, or a name is unknown.

        >>> TaskWeights().only(["color"])
        TaskWeights(reid=0.0, color=0.125, type=0.0)
        """
        for task in tasks:
            if task not in TASKS:
                raise ValueError(f"unknown task {task!r}: {nearest(task, TASKS)}")
        if not tasks:
            raise ValueError(f"no task was given, allowed are {', '.join(TASKS)}")
        kept = {task: weight if task in tasks else 0.0 for task, weight in asdict(self).items()}
        return replace(self, **kept)


#: Names of the tasks.
TASKS = tuple(field.name for field in fields(TaskWeights))


@runtime_checkable
class TaskLabels(Protocol):
    """The true labels of a batch, `UNKNOWN` where not known; any object with these properties."""

    @property
    def vehicle(self) -> Int[Tensor, " batch"]:
        """Index of the training identity."""

    @property
    def color(self) -> Int[Tensor, " batch"]:
        """Index of the color."""

    @property
    def type(self) -> Int[Tensor, " batch"]:
        """Index of the type."""


class TaskLosses(NamedTuple):
    """The unweighted terms of the task loss.

    Attributes:
        triplet: Batch-hard triplet loss.
        vehicle: Cross-entropy of the identity.
        color: Cross-entropy of the color, L_c.
        type: Cross-entropy of the type, L_t.
    """

    triplet: Float[Tensor, ""]
    vehicle: Float[Tensor, ""]
    color: Float[Tensor, ""]
    type: Float[Tensor, ""]

    def total(self, weights: TaskWeights) -> Float[Tensor, ""]:
        """Returns the weighted sum L_T (SemHARQ eq. 24), with L_r = triplet + vehicle.

        >>> one = torch.tensor(1.0)
        >>> TaskLosses(one, one, one, one).total(TaskWeights())
        tensor(2.2500)
        """
        reid = self.triplet + self.vehicle
        return weights.reid * reid + weights.color * self.color + weights.type * self.type


def batch_hard_triplet(
    embedding: Float[Tensor, "batch d"],
    vehicle: Int[Tensor, " batch"],
    margin: float = DEFAULT_MARGIN,
) -> Float[Tensor, ""]:
    """Returns the batch-hard triplet loss, the mean over the anchors.

        max(0, margin + distance to the farthest same vehicle - to the nearest other vehicle)

    An anchor counts if the batch holds another image of its vehicle and an image of another
    vehicle. Images of an unknown vehicle are ignored. Distances are Euclidean; for cosine distance,
    normalize the embedding first.

    Args:
        embedding: One vector per image.
        vehicle: Identity of each image, or `UNKNOWN`.
        margin: Margin alpha >= 0, in the units of the embedding.

    Returns:
        The scalar loss; 0 when no anchor counts.

    Raises:
        ValueError: The margin is negative, the batch is empty, or the sizes differ.

    Source: SemHARQ eq. 25; A. Hermans et al., "In Defense of the Triplet Loss for Person
    Re-Identification", 2017, eq. 5.

    >>> vehicle = torch.tensor([0, 0, 1, 1])
    >>> place = torch.tensor([[0.0], [1.0], [3.0], [5.0]])
    >>> batch_hard_triplet(place, vehicle, margin=2.0)  # anchors: 2+1-3, 2+1-2, 2+2-2, 2+2-4
    tensor(0.7500)
    """
    if not margin >= 0:  # also catches NaN
        raise ValueError(f"margin must be >= 0, got {margin}")
    _check_batch(embedding, vehicle)
    distance = _pairwise_distance(embedding.detach())
    known = vehicle != UNKNOWN
    comparable = known[:, None] & known[None, :]
    same = vehicle[:, None] == vehicle[None, :]
    itself = torch.eye(len(vehicle), dtype=torch.bool, device=vehicle.device)
    positive, negative = same & comparable & ~itself, ~same & comparable
    counts = positive.any(dim=1) & negative.any(dim=1)
    farthest = distance.masked_fill(~positive, 0.0).argmax(dim=1)
    nearest_other = distance.masked_fill(~negative, torch.inf).argmin(dim=1)
    x = _at_least_float32(embedding)
    to_same, to_other = (
        torch.linalg.vector_norm(x - x[other], dim=1) for other in (farthest, nearest_other)
    )
    loss = functional.relu(margin + to_same - to_other)
    return torch.where(counts, loss, 0.0).sum() / counts.sum().clamp(min=1)


def masked_cross_entropy(
    logits: Float[Tensor, "batch classes"],
    label: Int[Tensor, " batch"],
    label_smoothing: float = 0.0,
) -> Float[Tensor, ""]:
    """Returns the softmax cross-entropy in nats, the mean over the images whose label is known.

    Args:
        logits: Unnormalized log-probabilities.
        label: Class of each image, or `UNKNOWN`.
        label_smoothing: Share of the target that is spread over all classes, in [0, 1].

    Returns:
        The scalar loss; 0 when no label is known.

    Raises:
        ValueError: The batch is empty, or the sizes differ.

    Source: SemHARQ eq. 26 (which prints a binary cross-entropy; softmax over the classes is meant).

    >>> masked_cross_entropy(torch.zeros(2, 10), torch.tensor([3, UNKNOWN]))  # ln 10
    tensor(2.3026)
    """
    _check_batch(logits, label)
    total = functional.cross_entropy(
        _at_least_float32(logits),
        label.long(),
        ignore_index=UNKNOWN,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    return total / (label != UNKNOWN).sum().clamp(min=1)


def task_losses(
    outputs: TaskOutputs,
    labels: TaskLabels,
    margin: float = DEFAULT_MARGIN,
    label_smoothing: float = 0.0,
) -> TaskLosses:
    """Returns the unweighted terms of the task loss.

    Args:
        outputs: Embedding and logits of a batch.
        labels: True labels of the batch.
        margin: Margin of the triplet loss.
        label_smoothing: Label smoothing of the cross-entropy over vehicles.

    Returns:
        Four scalars; `TaskLosses.total` computes their weighted sum.

    Raises:
        ValueError: The margin is negative, the batch is empty, or the sizes differ.
    """
    return TaskLosses(
        triplet=batch_hard_triplet(outputs.embedding, labels.vehicle, margin),
        vehicle=masked_cross_entropy(outputs.vehicle, labels.vehicle, label_smoothing),
        color=masked_cross_entropy(outputs.color, labels.color),
        type=masked_cross_entropy(outputs.type, labels.type),
    )


def channel_mse(
    s: Float[Tensor, "batch features"], s_hat: Float[Tensor, "batch features"]
) -> Float[Tensor, ""]:
    """Returns the channel loss L_CH, the mean squared error over features and batch.

    Args:
        s: Output of the semantic encoder.
        s_hat: Output of the JSC decoder.

    Returns:
        The scalar loss.

    Raises:
        ValueError: The shapes differ.

    Source: SemHARQ eq. 21.

    >>> channel_mse(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 4.0]]))
    tensor(2.)
    """
    if s.shape != s_hat.shape:
        raise ValueError(
            f"s and s_hat must have one shape, got {tuple(s.shape)} and {tuple(s_hat.shape)}"
        )
    return functional.mse_loss(_at_least_float32(s_hat), _at_least_float32(s))


def channel_loss(
    s: Float[Tensor, "batch features"],
    s_hat: Float[Tensor, "batch features"],
    scale: Float[Tensor, " features"],
    reading: str,
) -> Float[Tensor, ""]:
    """Returns L_CH by a reading of eq. 21.

    Args:
        s: Output of the semantic encoder.
        s_hat: Output of the JSC decoder, in units of `scale`.
        scale: Root mean square of each feature of s.
        reading: "sum" for the squared norm of an image's error, "mean" for the mean over its
            features, each in units of its root mean square. With 1024 features of unit power the
            first is 1024 times the second.

    Source: SemHARQ eq. 21, SMSC-FIR eq. 7: (1/N) sum_n norm(s_n - s_hat_n)^2.

    >>> s, s_hat, scale = torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2), torch.tensor([1.0, 2.0])
    >>> channel_loss(s, s_hat, scale, "sum"), channel_loss(s, s_hat, scale, "mean")
    (tensor(5.), tensor(1.))
    """
    if reading == "sum":
        return s.shape[1] * channel_mse(s, s_hat * scale)
    return channel_mse(s / scale, s_hat)


def _pairwise_distance(x: Float[Tensor, "batch d"]) -> Float[Tensor, "batch batch"]:
    """Returns Euclidean distances, exact for near points."""
    x = _at_least_float32(x)
    return torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")


def _at_least_float32(x: Tensor) -> Tensor:
    # A sum in half precision would lose the small differences that training needs.
    return x.to(torch.promote_types(x.dtype, torch.float32))


def _check_batch(values: Tensor, label: Tensor) -> None:
    if len(label) == 0:
        raise ValueError("a loss needs at least one image, got an empty batch")
    if len(values) != len(label):
        raise ValueError(
            f"the numbers of rows and labels must agree, got {len(values)} rows, {len(label)} labels"
        )
