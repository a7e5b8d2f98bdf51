"""Feature importance against the closed form of a linear softmax classifier."""

import pytest
import torch
from torch import Tensor

from semantic.link.importance import FIR_TASK_WEIGHTS, ImportanceMean, importance


def classifiers(seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(classes, 6, generator=generator, dtype=torch.float64) for classes in (7, 4, 3)
    ]


def slope_by_hand(weight: Tensor, f: Tensor) -> Tensor:
    """c = softmax(W f): d c_m / d f = c_m (W_m - sum_n c_n W_n), for one image."""
    c = torch.softmax(weight @ f, 0)
    m = int(c.argmax())
    return c[m] * (weight[m] - c @ weight)


def test_equals_the_closed_form() -> None:
    tasks = classifiers()
    f = torch.randn(5, 6, dtype=torch.float64)
    ind = importance(lambda g: tuple((g @ weight.T).softmax(1) for weight in tasks), f)
    assert not ind.requires_grad
    for image in range(5):
        slopes = [slope_by_hand(weight, f[image]) for weight in tasks]
        terms = [slope.abs() for slope in slopes]
        expected = sum(weight * term for weight, term in zip(FIR_TASK_WEIGHTS, terms, strict=True))
        torch.testing.assert_close(ind[image], expected)


def test_leaves_parameters_and_input_alone_also_without_grad_mode() -> None:
    layer = torch.nn.Linear(6, 3)
    f = torch.randn(4, 6)
    with torch.no_grad():
        ind = importance(lambda g: (layer(g).softmax(1),), f, [1.0])
    assert ind.abs().sum() > 0
    assert layer.weight.grad is None
    assert not f.requires_grad


def test_unused_features_have_no_importance() -> None:
    tasks = [weight.clone() for weight in classifiers()]
    for weight in tasks:
        weight[:, 2] = 0.0
    mean = ImportanceMean()
    for _ in range(3):
        f = torch.randn(8, 6, dtype=torch.float64)
        mean.add(importance(lambda g: tuple((g @ w.T).softmax(1) for w in tasks), f))
    assert mean.mean()[2] == 0.0
    assert mean.order()[-1] == 2


def test_mean_does_not_depend_on_batches_and_order_breaks_ties_by_position() -> None:
    ind = torch.tensor([[1.0, 5.0, 5.0, 0.0], [3.0, 1.0, 1.0, 2.0], [2.0, 0.0, 0.0, 1.0]])
    whole, parts = ImportanceMean(), ImportanceMean()
    whole.add(ind)
    parts.add(ind[:1])
    parts.add(ind[1:])
    assert torch.equal(whole.mean(), torch.tensor([2.0, 2.0, 2.0, 1.0], dtype=torch.float64))
    assert torch.equal(whole.mean(), parts.mean())
    assert whole.order().tolist() == [0, 1, 2, 3]


def test_mistakes_are_value_errors() -> None:
    with pytest.raises(ValueError, match="got 3 for 1"):
        importance(lambda f: (f.softmax(1),), torch.zeros(1, 2))
    mean = ImportanceMean()
    with pytest.raises(ValueError, match="at least one image"):
        mean.order()
    with pytest.raises(ValueError, match="finite, got 1 images"):
        mean.add(torch.tensor([[1.0, float("nan")], [1.0, 1.0]]))
    mean.add(torch.ones(1, 2))
    with pytest.raises(ValueError, match="expected 2 features, got 3"):
        mean.add(torch.ones(1, 3))
