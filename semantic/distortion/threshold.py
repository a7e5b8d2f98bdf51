"""How much to ask for again, and whether the right features are asked for."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def calibrate_threshold(
    d: Float[Tensor, "slots features"],
    ratio: float = 0.5,
    valid: Bool[Tensor, "slots features"] | None = None,
    slot_size: Int[Tensor, " slots"] | None = None,
) -> float:
    """The threshold t at which [d >= t] asks, on average, for `ratio` of a slot again.

    A slot holds B features at most: of more than B distorted ones, the B most distorted count.

    Args:
        d: Distortion of the features received before each retransmission slot.
        ratio: Share of the slot, in (0, 1].
        valid: Features that were received; all if None.
        slot_size: B of each slot; the number of its valid features if None.

    Returns:
        The one of the given d whose ratio is nearest; the smallest if all features together do
        not fill the ratio.

    Raises:
        ValueError: The ratio is out of range, there is no feature, or B is not positive.

    Source: SemHARQ, arXiv 2404.08490v2, Table II (0.5 is better than 0.25 and 0.75).

    >>> calibrate_threshold(torch.tensor([[0.125, 0.5, 0.75, 0.25], [0.0, 0.0, 0.875, 1.0]]))
    0.5
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"ratio must lie in (0, 1], got {ratio}")
    valid, size = _slots(d, valid, slot_size)
    ranked, order = d.masked_fill(~valid, -torch.inf).sort(dim=1, descending=True)
    place = torch.arange(d.shape[1], device=d.device)[None, :]
    counts = (place < size[:, None]) & valid.gather(1, order)
    share = (1.0 / (size.double() * len(d)))[:, None].expand_as(d)
    values, group = torch.unique(ranked[counts], return_inverse=True)
    if len(values) == 0:
        raise ValueError("a threshold needs at least one received feature, got none")
    # asked[i]: the mean share of a slot if the threshold is values[i].
    per_value = torch.zeros(len(values), dtype=torch.float64, device=d.device)
    asked = per_value.index_add(0, group, share[counts]).flip(0).cumsum(0).flip(0)
    return float(values[(asked - ratio).abs().argmin()])


def asked_ratio(
    d: Float[Tensor, "slots features"],
    threshold: float,
    valid: Bool[Tensor, "slots features"] | None = None,
    slot_size: Int[Tensor, " slots"] | None = None,
) -> float:
    """Mean share of a slot that the threshold asks for again, see `calibrate_threshold`.

    Raises:
        ValueError: There is no slot, or B is not positive.

    >>> asked_ratio(torch.tensor([[0.1, 0.5, 0.7, 0.2], [0.0, 0.0, 0.9, 1.0]]), threshold=0.6)
    0.375
    """
    valid, size = _slots(d, valid, slot_size)
    asked = ((d >= threshold) & valid).sum(dim=1)
    return float((torch.minimum(asked, size).double() / size).mean())


def auroc(
    d: Float[Tensor, "slots features"],
    error: Float[Tensor, "slots features"],
    valid: Bool[Tensor, "slots features"] | None = None,
    per_feature: bool = False,
) -> float:
    """Area under the ROC curve of d as a detector of errors above the median.

    It is the chance that a feature of large error has the greater d of the two, ties counting
    half: 0.5 for a d that knows nothing, 1 for one that orders all errors rightly.

    Args:
        d: Distortion of the received features.
        error: What they were really off by, such as |z_hat - z|.
        valid: Features that were received; all if None.
        per_feature: Compare an error with the median of the same feature (column) instead of the
            median of all: d then gains nothing from knowing which features err much in general.

    Returns:
        The area, in [0, 1].

    Raises:
        ValueError: No error is above, or none at or below, its median.

    >>> auroc(torch.tensor([[0.1, 0.4, 0.3, 0.9]]), torch.tensor([[0.0, 0.1, 0.5, 0.7]]))
    0.75
    """
    valid = torch.ones_like(d, dtype=torch.bool) if valid is None else valid
    known = error.detach().double().masked_fill(~valid, torch.nan)
    median = known.nanmedian(dim=0).values if per_feature else known.nanmedian()
    large = (known > median)[valid]
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


def _slots(
    d: Tensor, valid: Tensor | None, slot_size: Tensor | None
) -> tuple[Bool[Tensor, "slots features"], Int[Tensor, " slots"]]:
    """The defaults of both masks, checked."""
    if d.numel() == 0:
        raise ValueError(f"at least one slot with one feature is needed, got {tuple(d.shape)}")
    valid = torch.ones_like(d, dtype=torch.bool) if valid is None else valid
    if slot_size is None:
        return valid, valid.sum(dim=1).clamp(min=1)
    if int(slot_size.min()) < 1:
        raise ValueError(f"a slot holds at least one feature, got {int(slot_size.min())}")
    return valid, slot_size
