"""The training losses: values by hand, unknown labels, gradients at the awkward places."""

import math
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from semantic.conventions import UNKNOWN
from semantic.losses import (
    TaskWeights,
    batch_hard_triplet,
    channel_mse,
    masked_cross_entropy,
    task_losses,
)
from semantic.tasks import TaskOutputs


class Labels(NamedTuple):
    vehicle: Tensor
    color: Tensor
    type: Tensor


def triplet_by_hand(x: Tensor, vehicle: Tensor, margin: float) -> float:
    """The definition, one anchor at a time."""
    terms = []
    for a in range(len(x)):
        if vehicle[a] == UNKNOWN:
            continue
        others = [i for i in range(len(x)) if i != a and vehicle[i] != UNKNOWN]
        same = [float((x[a] - x[i]).norm()) for i in others if vehicle[i] == vehicle[a]]
        other = [float((x[a] - x[i]).norm()) for i in others if vehicle[i] != vehicle[a]]
        if same and other:
            terms.append(max(0.0, margin + max(same) - min(other)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("seed", range(5))
def test_triplet_is_its_definition(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    vehicle = torch.randint(-1, 4, (12,), generator=generator)
    expected = triplet_by_hand(x, vehicle, 0.7)
    assert float(batch_hard_triplet(x, vehicle, 0.7)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("vehicle", [[0, 1, 2, 3], [5, 5, 5, 5], [UNKNOWN] * 4, [3, 3, -1, -1]])
def test_triplet_without_any_triplet_is_zero_with_a_gradient(vehicle: list[int]) -> None:
    x = torch.randn(4, 3, requires_grad=True)
    loss = batch_hard_triplet(x, torch.tensor(vehicle))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0.0
    assert x.grad is not None
    assert torch.equal(x.grad, torch.zeros(4, 3))


def test_triplet_of_a_collapsed_network_is_the_margin_with_a_finite_gradient() -> None:
    x = torch.ones(6, 3, requires_grad=True)
    loss = batch_hard_triplet(x, torch.tensor([0, 0, 0, 1, 1, 1]), 0.3)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(0.3)
    assert x.grad is not None
    assert torch.isfinite(x.grad).all()


def test_triplet_moves_points_the_right_way() -> None:
    x = torch.tensor([[0.0], [1.0], [1.1], [2.0]], requires_grad=True)
    batch_hard_triplet(x, torch.tensor([0, 0, 1, 1]), 0.3).backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    # Point 1 must go to the left, point 2 to the right: descent goes against the gradient.
    assert x.grad[1] > 0 > x.grad[2]


def test_triplet_in_half_precision_is_computed_in_single() -> None:
    x = torch.randn(8, 4, dtype=torch.bfloat16)
    vehicle = torch.arange(8) // 2
    assert batch_hard_triplet(x, vehicle) == batch_hard_triplet(x.float(), vehicle)


def test_cross_entropy_ignores_unknown_labels() -> None:
    logits = torch.randn(5, 7)
    label = torch.tensor([2, UNKNOWN, 6, UNKNOWN, 0])
    known = label != UNKNOWN
    expected = torch.nn.functional.cross_entropy(logits[known], label[known])
    torch.testing.assert_close(masked_cross_entropy(logits, label), expected)


def test_cross_entropy_smoothing_is_the_mean_with_the_uniform_target() -> None:
    logits, label = torch.randn(3, 4), torch.tensor([0, UNKNOWN, 2])
    log_p = logits.log_softmax(1)
    target = torch.full((3, 4), 0.1 / 4)
    target[0, 0] += 0.9
    target[2, 2] += 0.9
    expected = -(target * log_p).sum(1)[[0, 2]].mean()
    torch.testing.assert_close(masked_cross_entropy(logits, label, 0.1), expected)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_cross_entropy_without_labels_is_zero_with_a_gradient(label_smoothing: float) -> None:
    logits = torch.randn(3, 4, requires_grad=True)
    loss = masked_cross_entropy(logits, torch.full((3,), UNKNOWN), label_smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0.0
    assert logits.grad is not None
    assert torch.equal(logits.grad, torch.zeros(3, 4))


def test_task_loss_is_the_weighted_sum() -> None:
    outputs = TaskOutputs(
        torch.randn(4, 3), torch.randn(4, 5), torch.randn(4, 10), torch.randn(4, 9)
    )
    labels = Labels(
        torch.tensor([0, 0, 4, 4]), torch.tensor([1, 1, 9, UNKNOWN]), torch.full((4,), UNKNOWN)
    )
    parts = task_losses(outputs, labels)
    expected = parts.triplet + parts.vehicle + 0.125 * parts.color + 0.125 * parts.type
    torch.testing.assert_close(parts.total(TaskWeights()), expected)
    assert parts.type.item() == 0.0
    only_color = parts.total(TaskWeights(reid=0.0, color=1.0, type=0.0))
    torch.testing.assert_close(only_color, parts.color)


def test_smoothing_touches_the_vehicles_only() -> None:
    outputs = TaskOutputs(torch.randn(4, 3), *(torch.randn(4, 5) for _ in range(3)))
    label = torch.tensor([0, 0, 1, 2])
    plain = task_losses(outputs, Labels(label, label, label))
    smooth = task_losses(outputs, Labels(label, label, label), label_smoothing=0.2)
    assert smooth.vehicle != plain.vehicle
    assert smooth[0] == plain[0]
    assert smooth[2:] == plain[2:]


def test_channel_mse_is_a_mean_over_features_and_batch() -> None:
    s = torch.randn(3, 1024)
    assert channel_mse(s, s).item() == 0.0
    assert channel_mse(s, s + 2.0).item() == pytest.approx(4.0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: batch_hard_triplet(torch.zeros(2, 3), torch.tensor([0, 1]), -0.1),
        lambda: batch_hard_triplet(torch.zeros(2, 3), torch.tensor([0, 1]), math.nan),
        lambda: batch_hard_triplet(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)),
        lambda: masked_cross_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long)),
    ],
)
def test_mistakes_are_value_errors(call: object) -> None:
    assert callable(call)
    with pytest.raises(ValueError, match="got"):
        call()


def test_channel_mse_does_not_broadcast() -> None:
    with pytest.raises((ValueError, TypeError)):  # TypeError where jaxtyping checks the shapes
        channel_mse(torch.zeros(2, 1), torch.zeros(2, 3))
