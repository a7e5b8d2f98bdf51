"""Tiles of one shape: a row's result is the same bits in any company."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from semantic.tasks import TaskOutputs, TaskPerformers
from semantic.tiles import in_tiles


class Pair(NamedTuple):
    double: Tensor
    total: Tensor


@pytest.mark.parametrize("batch", [1, 7, 8, 9, 40])
def test_every_call_has_the_same_shape_and_no_row_is_lost(batch: int) -> None:
    shapes = []

    def double(x: Tensor) -> Tensor:
        shapes.append(tuple(x.shape))
        return 2 * x

    x = torch.arange(3.0 * batch).view(batch, 3)
    assert torch.equal(in_tiles(double, x, tile=8), 2 * x)
    assert set(shapes) == {(8, 3)}
    assert len(shapes) == -(-batch // 8)


def test_several_inputs_and_named_outputs() -> None:
    x, y = torch.randn(11, 4), torch.randn(11, 2, 2)
    found = in_tiles(lambda a, b: Pair(2 * a, b.sum((1, 2)) + a.sum(1)), x, y, tile=4)
    assert isinstance(found, Pair)
    assert torch.equal(found.double, 2 * x)
    assert torch.allclose(found.total, y.sum((1, 2)) + x.sum(1), atol=1e-6)
    plain = in_tiles(lambda a: (a, -a), x, tile=4)
    assert torch.equal(plain[1], -x)


def test_bits_do_not_depend_on_company_or_place() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 300), nn.Softmax(1))
    x = torch.randn(150, 1024)
    with torch.inference_mode():
        whole = in_tiles(network, x)
        for rows in ([3], [149, 3, 70], list(range(100, 150))):
            assert torch.equal(in_tiles(network, x[rows]), whole[rows])


def test_task_outputs_come_back_as_task_outputs() -> None:
    performers = TaskPerformers(5).eval()
    s = torch.randn(70, 1024)
    with torch.inference_mode():
        found = in_tiles(performers, s)
        assert isinstance(found, TaskOutputs)
        for mine, direct in zip(found, performers(s), strict=True):
            assert torch.allclose(mine, direct, atol=1e-5)
