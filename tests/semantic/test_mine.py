"""The mutual information bound: against a known truth, and with scores beyond exp's range."""

import math

import pytest
import torch

from semantic.distortion.mine import (
    MineEstimator,
    PairScore,
    mine_bound,
    mine_objective,
    mismatched,
)


def gaussians(
    n: int, d: int, rho: float, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """n pairs of standard normal vectors whose components correlate by rho."""
    x = torch.randn(n, d, generator=generator)
    noise = torch.randn(n, d, generator=generator)
    return x, rho * x + math.sqrt(1 - rho**2) * noise


def perfect_scores(x: torch.Tensor, y: torch.Tensor, rho: float) -> torch.Tensor:
    """The best T there is: the log density ratio of correlated Gaussians."""
    quadratic = 2 * rho * x * y - rho**2 * (x**2 + y**2)
    return (quadratic / (2 * (1 - rho**2)) - math.log(1 - rho**2) / 2).sum(dim=1)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_training_finds_the_mutual_information_of_gaussians(rho: float) -> None:
    d, generator = 2, torch.Generator().manual_seed(1)
    truth = -d / 2 * math.log(1 - rho**2)
    torch.manual_seed(0)
    score = PairScore(d, d)
    optimizer = torch.optim.Adam(score.parameters(), lr=3e-3)
    estimator = MineEstimator(score, optimizer, generator)
    for step in range(600):
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / 600)
        estimator.step(*gaussians(500, d, rho, generator))
    estimate = estimator.estimate(*gaussians(40_000, d, rho, generator))
    # Never above the truth but by chance; below it by at most 5 % more, what training leaves out.
    chance = 4 * estimate.standard_error
    assert estimate.standard_error < 0.02
    assert truth - 0.05 * truth - chance <= estimate.nats <= truth + chance


def test_standard_error_is_the_spread_of_the_estimate() -> None:
    generator = torch.Generator().manual_seed(2)
    network = torch.nn.Linear(1, 1)
    estimator = MineEstimator(
        lambda x, y: perfect_scores(x, y, 0.5),
        torch.optim.SGD(network.parameters(), lr=0.0),
        generator,
    )
    estimates = [estimator.estimate(*gaussians(1000, 2, 0.5, generator)) for _ in range(200)]
    spread = torch.tensor([estimate.nats for estimate in estimates]).std().item()
    stated = sum(estimate.standard_error for estimate in estimates) / len(estimates)
    assert spread == pytest.approx(stated, rel=0.3)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3, 1e20, 1e38])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_stays_finite_for_extreme_scores(scale: float, sign: float) -> None:
    generator = torch.Generator().manual_seed(3)
    joint = (scale * torch.rand(256, generator=generator)).requires_grad_()
    marginal = (sign * scale * torch.rand(256, generator=generator)).requires_grad_()
    for log_mean in (None, torch.tensor(-50.0), torch.tensor(50.0), torch.tensor(1e38)):
        bound, new_log_mean = mine_objective(joint, marginal, log_mean)
        gradients = torch.autograd.grad(bound, (joint, marginal))
        assert bound == mine_bound(joint, marginal)
        for value in (bound, new_log_mean, *gradients):
            assert torch.isfinite(value).all()
        # Scores that jump weigh at most 1 / (1 - decay) = 100.
        assert float(gradients[1].abs().sum()) <= 100.1


def test_training_survives_an_outlier() -> None:
    generator = torch.Generator().manual_seed(4)
    torch.manual_seed(0)
    score = PairScore(1, 1)
    estimator = MineEstimator(score, torch.optim.Adam(score.parameters(), lr=1e-3), generator)
    for step in range(30):
        x, y = gaussians(64, 1, 0.9, generator)
        estimator.step(x * (1e6 if step == 10 else 1.0), y)
    assert all(torch.isfinite(parameter).all() for parameter in score.parameters())


def test_moving_average_removes_the_bias_of_the_gradient() -> None:
    """Small batches: the plain gradient is far off, the corrected one is near the true one."""
    generator = torch.Generator().manual_seed(5)
    scale, draws, batch = 2.0, 20_000, 4
    # T = theta z with z ~ N(0, 1): log E[exp T] = theta^2 / 2, whose slope is theta.
    theta = torch.tensor(scale, requires_grad=True)
    slopes: dict[float, float] = {}
    for decay in (0.0, 0.999):
        total, log_mean = 0.0, None
        for _ in range(draws // batch):
            z = torch.randn(batch, generator=generator)
            bound, log_mean = mine_objective(torch.zeros(1), theta * z, log_mean, decay)
            total -= float(torch.autograd.grad(bound, theta)[0])
        slopes[decay] = total / (draws // batch)
    assert abs(slopes[0.0] - scale) > 0.5
    assert abs(slopes[0.999] - scale) < 0.25


def test_without_memory_the_objective_is_the_bound() -> None:
    scores = torch.randn(2, 32, requires_grad=True)
    (plain,) = torch.autograd.grad(mine_bound(scores[0], scores[1]), scores)
    bound, _ = mine_objective(scores[0], scores[1], torch.tensor(3.0), decay=0.0)
    (corrected,) = torch.autograd.grad(bound, scores)
    torch.testing.assert_close(plain, corrected)


@pytest.mark.parametrize("batch", [2, 3, 10, 33])
def test_partners_are_others_and_each_serves_once(batch: int) -> None:
    partner = mismatched(batch, torch.Generator().manual_seed(batch))
    assert not (partner == torch.arange(batch)).any()
    assert sorted(partner.tolist()) == list(range(batch))


def test_mistakes_are_value_errors() -> None:
    with pytest.raises(ValueError, match="at least 2, got 1"):
        mismatched(1)
    with pytest.raises(ValueError, match="got 0 joint and 3 marginal"):
        mine_bound(torch.zeros(0), torch.zeros(3))
    with pytest.raises(ValueError, match="decay"):
        mine_objective(torch.zeros(2), torch.zeros(2), decay=1.0)
