"""Linear layers of a training by oneDNN: values, gradients, and the network's own layers after it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from semantic.training.loop import clip_gradients
from semantic.training.products import OneDnnLinear, onednn_products, product
from semantic.weights.precision import packs_products

pytestmark = pytest.mark.skipif(not packs_products(), reason="torch without oneDNN")


def test_gradients_are_those_of_the_linear_layer() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 7, generator=generator, requires_grad=True)
    layer = nn.Linear(7, 3)
    leaves = (x, layer.weight, layer.bias)
    pull = torch.randn(5, 3, generator=generator)
    expected = torch.autograd.grad(layer(x), leaves, pull)
    found = torch.autograd.grad(OneDnnLinear(layer)(x), leaves, pull)
    for ours, torchs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-5, atol=1e-6)


def test_gradient_of_a_sum_has_rows_that_share_memory() -> None:
    x, weight = torch.randn(4, 3, requires_grad=True), torch.randn(2, 3)
    (found,) = torch.autograd.grad(product(x, weight).sum(), x)
    torch.testing.assert_close(found, weight.sum(0).expand(4, 3))


def test_second_derivative() -> None:
    x, weight = torch.randn(4, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True)

    def second(multiply: object) -> torch.Tensor:
        y = multiply(x, weight)  # type: ignore[operator]
        (first,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
        return torch.autograd.grad(first.square().sum(), weight)[0]

    torch.testing.assert_close(second(product), second(nn.functional.linear), rtol=1e-4, atol=1e-4)


def test_network_has_its_own_layers_again() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 2)))
    own, names = list(network.modules()), list(network.state_dict())

    def interrupted_training() -> None:
        with onednn_products(network):
            assert sum(isinstance(module, OneDnnLinear) for module in network.modules()) == 2
            assert list(network.state_dict()) == names
            network.eval()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_training()
    assert all(a is b for a, b in zip(network.modules(), own, strict=True))
    assert not any(module.training for module in network.modules())


def test_other_types_and_shapes_go_to_torch() -> None:
    layer = OneDnnLinear(nn.Linear(3, 2).double())
    x = torch.ones(2, 4, 3, dtype=torch.float64)
    assert torch.equal(layer(x), nn.functional.linear(x, layer.weight, layer.bias))


@pytest.mark.parametrize("size", [0.1, 100.0, float("nan")])
def test_clipping_is_that_of_torch(size: float) -> None:
    ours, torchs = nn.Linear(4, 4), nn.Linear(4, 4)
    gradient = torch.randn(4, 4) * size
    ours.weight.grad, torchs.weight.grad = gradient.clone(), gradient.clone()
    clip_gradients(ours.parameters())
    nn.utils.clip_grad_norm_(torchs.parameters(), 5.0)
    torch.testing.assert_close(ours.weight.grad, torchs.weight.grad, rtol=0, atol=0, equal_nan=True)
    clip_gradients([])  # nothing to clip
