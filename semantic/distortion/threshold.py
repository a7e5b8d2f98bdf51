"""The distortion threshold of retransmission requests, and the quality of a distortion measure."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def calibrate_threshold(
    d: Float[Tensor, "slots features"],
    ratio: float = 0.5,
    valid: Bool[Tensor, "slots features"] | None = None,
) -> float:
    """Returns the threshold t at which [d >= t] requests, on average, `ratio` of a slot.

    Args:
        d: Distortion of the features received before each retransmission slot.
        ratio: Mean share of a slot's features that is requested again, in (0, 1].
        valid: True for the features that were received; None means all of them.

    Returns:
        The given value of d whose mean share is nearest to `ratio`.

    Raises:
        ValueError: The ratio is out of range, or there is no received feature.

    Source: SemHARQ, arXiv 2404.08490v2, Table II (0.5 is better than 0.25 and 0.75).

    >>> calibrate_threshold(torch.tensor([[0.125, 0.5, 0.75, 0.25], [0.0, 0.0, 0.875, 1.0]]))
    0.5
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio must lie in (0, 1], got {ratio}")
    valid = torch.ones_like(d, dtype=torch.bool) if valid is None else valid
    if not valid.any():
        raise ValueError("a threshold needs at least one received feature, got none")
    ranked, order = d.masked_fill(~valid, -torch.inf).sort(dim=1, descending=True)
    counts = valid.gather(1, order)
    size = valid.sum(dim=1).clamp(min=1)
    share = (1.0 / (size.double() * len(d)))[:, None].expand_as(d)
    values, group = torch.unique(ranked[counts], return_inverse=True)
    # requested[i] is the mean share of a slot if the threshold is values[i].
    per_value = torch.zeros(len(values), dtype=torch.float64, device=d.device)
    requested = per_value.index_add(0, group, share[counts]).flip(0).cumsum(0).flip(0)
    return float(values[(requested - ratio).abs().argmin()])


def auroc(
    d: Float[Tensor, "slots features"],
    error: Float[Tensor, "slots features"],
    valid: Bool[Tensor, "slots features"] | None = None,
) -> float:
    """Returns the area under the ROC curve of d as a detector of errors above the median.

    The area is the probability that, of a feature with a large and one with a small error, the
    former has the greater d; a tie counts one half. It is 0.5 for a d that carries no information
    and 1 for a d that separates the two groups.

    Args:
        d: Distortion of the received features.
        error: Magnitude of the true error, such as |z_hat - z|.
        valid: True for the features that were received; None means all of them.

    Returns:
        The area, in [0, 1].

    Raises:
        ValueError: No error is above, or none at or below, the median.

    >>> auroc(torch.tensor([[0.1, 0.4, 0.3, 0.9]]), torch.tensor([[0.0, 0.1, 0.5, 0.7]]))
    0.75
    """
    valid = torch.ones_like(d, dtype=torch.bool) if valid is None else valid
    known = error.detach().double()[valid]
    large = known > known.median()
    _, group, counts = torch.unique(d.detach()[valid], return_inverse=True, return_counts=True)
    n_large = int(large.sum())
    n_small = len(large) - n_large
    if n_large == 0 or n_small == 0:
        raise ValueError(
            f"the area needs errors on both sides of the median, got {n_large} above, {n_small} not"
        )
    # Equal values share the mean of the ranks 1, 2, ... that they take up.
    mean_rank = counts.cumsum(0).double() - (counts - 1) / 2
    rank_sum = float(mean_rank[group][large].sum())
    return (rank_sum - n_large * (n_large + 1) / 2) / (n_large * n_small)
