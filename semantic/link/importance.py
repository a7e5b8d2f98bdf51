"""Feature importance ranking (FIR): how strongly do the tasks depend on each feature?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

#: (f, slope of a task's predicted probability) -> importance of each feature for this task, by name.
CRITERIA: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "abs-gradient": lambda f, slope: slope.abs(),
    "gradient": lambda f, slope: slope,
    "abs-f-gradient": lambda f, slope: (f * slope).abs(),
    "abs-f": lambda f, slope: f.abs(),
}
#: Weight lambda of re-identification, color and type in FIR.
FIR_TASK_WEIGHTS = (1.0, 0.125, 0.125)


def importance(
    probabilities_of: Callable[[Tensor], tuple[Tensor, ...]],
    f: Float[Tensor, "batch length"],
    weights: Sequence[float] = FIR_TASK_WEIGHTS,
    criterion: str = "abs-gradient",
) -> Float[Tensor, "batch length"]:
    """Returns the importance Ind of each feature of each image.

        Ind = sum_k lambda_k c(f, d c_km / d f),    m = the class that task k predicts

    The criterion c is the magnitude of the gradient by default.

    The result carries no gradient, and no parameter's gradient changes.

    Args:
        probabilities_of: The link behind f, channel included. It maps f to the probabilities
            [batch, classes] of each task. It must treat every image by itself: batch
            normalization must be in evaluation mode.
        f: Features after the JSC encoder.
        weights: Weight lambda of each task, in the order of the tasks.
        criterion: A name in `CRITERIA`.

    Raises:
        ValueError: The number of tasks is not the number of weights.

    Source: SemHARQ eq. 13-14; the equations keep the sign of the gradient, which would let a
    feature that lowers a probability rank last.

    >>> slope = torch.tensor([[0.0, 1.0, -2.0]])
    >>> one_task = lambda f: (torch.sigmoid(f @ slope.T) * torch.tensor([[1.0, 0.0]]),)
    >>> importance(one_task, torch.zeros(1, 3), weights=[1.0])  # slope of the sigmoid at 0: 1/4
    tensor([[0.0000, 0.2500, 0.5000]])
    """
    f = f.detach().requires_grad_()
    total = torch.zeros_like(f, requires_grad=False)
    with torch.enable_grad():
        tasks = probabilities_of(f)
        if len(tasks) != len(weights):
            raise ValueError(f"one weight per task is needed, got {len(weights)} for {len(tasks)}")
        for probabilities, weight in zip(tasks, weights, strict=True):
            # Images do not mix: the gradient of the sum holds the gradient of each image.
            predicted = probabilities.amax(dim=1).sum()
            (slope,) = torch.autograd.grad(predicted, f, retain_graph=True)
            total += weight * CRITERIA[criterion](f.detach(), slope)
    return total


class ImportanceMean:
    """The mean importance over a data set, and the transmission order that follows from it.

    >>> mean = ImportanceMean()
    >>> mean.add(torch.tensor([[1.0, 4.0], [2.0, 0.5]]))
    >>> mean.mean(), mean.order()
    (tensor([1.5000, 2.2500], dtype=torch.float64), tensor([1, 0]))
    """

    def __init__(self) -> None:
        self._total: Tensor | None = None
        self._images = 0

    def add(self, ind: Float[Tensor, "batch length"]) -> None:
        """Adds the importance of a batch of images.

        Raises:
            ValueError: A value is not finite, or the length is not that of earlier batches.
        """
        if not torch.isfinite(ind).all():
            broken = int((~torch.isfinite(ind).all(dim=1)).sum())
            raise ValueError(f"importance must be finite, got {broken} images where it is not")
        total = ind.detach().double().sum(dim=0).cpu()
        if self._total is not None and len(total) != len(self._total):
            raise ValueError(f"expected {len(self._total)} features, got {len(total)}")
        self._total = total if self._total is None else self._total + total
        self._images += len(ind)

    def mean(self) -> Float[Tensor, " length"]:
        """Returns the mean importance of each feature, in double precision.

        Raises:
            ValueError: No image was added.
        """
        if self._total is None or self._images == 0:
            raise ValueError("the mean importance needs at least one image, got none")
        return self._total / self._images

    def order(self) -> Int[Tensor, " length"]:
        """Returns the positions in transmission order: most important first, ties by position.

        Raises:
            ValueError: No image was added.
        """
        return self.mean().argsort(descending=True, stable=True)
