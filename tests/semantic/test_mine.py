"""The mutual information bound: against a known truth, and with scores beyond exp's range."""

import math

import pytest
import torch
from torch import Tensor, nn

from semantic.distortion.mine import mine_bound


def gaussians(n: int, d: int, rho: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """n pairs of standard normal vectors whose components correlate by rho."""
    x = torch.randn(n, d, generator=generator)
    noise = torch.randn(n, d, generator=generator)
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def log_density_ratio(x: Tensor, y: Tensor, rho: float) -> Tensor:
    """The best T there is, log p(x, y) / p(x) p(y), of correlated Gaussians."""
    quadratic = 2 * rho * x * y - rho**2 * (x**2 + y**2)
    return (quadratic / (2 * (1 - rho**2)) - math.log(1 - rho**2) / 2).sum(dim=1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_best_statistic_reaches_the_mutual_information(rho: float) -> None:
    n, d, generator = 200_000, 2, torch.Generator().manual_seed(2)
    x, y = gaussians(n, d, rho, generator)
    joint, marginal = log_density_ratio(x, y, rho), log_density_ratio(x, y.roll(1, 0), rho)
    # Delta method: E exp T is 1, so the spread of its logarithm is its own spread.
    variance = (joint.var() + marginal.exp().var()) / n
    truth = -d / 2 * math.log(1 - rho**2)
    tolerance = 4 * float(variance.sqrt()) + 1e-6
    assert float(mine_bound(joint, marginal)) == pytest.approx(truth, abs=tolerance)
    assert tolerance < 0.05


@pytest.mark.integration
@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_training_finds_the_mutual_information_of_gaussians(rho: float) -> None:
    d, generator = 2, torch.Generator().manual_seed(1)
    truth = -d / 2 * math.log(1 - rho**2)
    torch.manual_seed(0)
    statistic = nn.Sequential(
        nn.Linear(2 * d, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )
    optimizer = torch.optim.Adam(statistic.parameters(), lr=3e-3)

    def bound(n: int) -> Tensor:
        x, y = gaussians(n, d, rho, generator)
        joint, marginal = (statistic(torch.cat([x, z], 1))[:, 0] for z in (y, y.roll(1, 0)))
        return mine_bound(joint, marginal)

    for step in range(600):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / 600)
        optimizer.zero_grad()
        (-bound(500)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        found = float(bound(40_000))
    # Never above the truth but by chance (a standard error is below 0.02); below it by at most 5 %.
    assert truth - 0.05 * truth - 0.08 <= found <= truth + 0.08


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3, 1e20, 1e38])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_stays_finite_for_extreme_scores(scale: float, sign: float) -> None:
    generator = torch.Generator().manual_seed(3)
    joint = (scale * torch.rand(256, generator=generator)).requires_grad_()
    marginal = (sign * scale * torch.rand(256, generator=generator)).requires_grad_()
    bound = mine_bound(joint, marginal)
    gradients = torch.autograd.grad(bound, (joint, marginal))
    for value in (bound, *gradients):
        assert torch.isfinite(value).all()


def test_no_scores_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="got 0 joint and 3 marginal"):
        mine_bound(torch.zeros(0), torch.zeros(3))
