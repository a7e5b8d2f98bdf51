"""The distortion evaluation network: shapes, sizes, and that it can learn its job."""

import pytest
import torch

from semantic.distortion.mine import mine_bound
from semantic.distortion.network import FdeNetwork
from semantic.distortion.threshold import auroc


@pytest.mark.parametrize("hidden", [(1024, 256), (256, 256)])
def test_shapes_and_ranges(hidden: tuple[int, int]) -> None:
    network = FdeNetwork(hidden=hidden)
    z = torch.randn(5, 1024)
    similarity, score = network(z)
    assert similarity.shape == (5, 1024)
    assert score.shape == (5,)
    assert 0 < similarity.min() <= similarity.max() < 1
    torch.testing.assert_close(network.distortion(z), 1 - similarity)
    layers = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [*hidden, 1024, 1]


def test_input_may_be_wider_than_the_features() -> None:
    network = FdeNetwork(length=16, hidden=(8, 4), inputs=32)
    similarity, score = network(torch.zeros(3, 32))
    assert similarity.shape == (3, 16)
    assert score.shape == (3,)


def test_score_trains_every_layer() -> None:
    network = FdeNetwork(length=16, hidden=(8, 8))
    score = network(torch.randn(10, 16)).score
    bound = mine_bound(score[:5], score[5:])
    bound.backward()  # type: ignore[no-untyped-call]
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()


def test_distortion_can_be_learned_from_redundant_features() -> None:
    """Trained directly on where the errors are, d finds them: the layers allow it."""
    torch.manual_seed(0)
    code = torch.randn(4, 32)
    network = FdeNetwork(length=32, hidden=(64, 64))
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)

    def received(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        wrong = torch.rand(batch, 32) < 0.2
        return torch.randn(batch, 4) @ code + wrong * 3 * torch.randn(batch, 32), wrong.float()

    for _ in range(300):
        z, wrong = received(128)
        loss = torch.nn.functional.binary_cross_entropy(network.distortion(z), wrong)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    z, wrong = received(1000)
    assert auroc(network.distortion(z), wrong) > 0.7


def test_bad_sizes_are_value_errors() -> None:
    with pytest.raises(ValueError, match="length 0"):
        FdeNetwork(length=0)
    with pytest.raises(ValueError, match="hidden"):
        FdeNetwork(hidden=(8, -1))


def test_the_score_takes_pairs() -> None:
    z = torch.randn(6, 16)
    network = FdeNetwork(length=16, hidden=(8, 8), inputs=32)
    joint = network(torch.cat([z, z], 1)).score
    marginal = network(torch.cat([z, z.roll(1, 0)], 1)).score
    assert joint.shape == marginal.shape == (6,)
