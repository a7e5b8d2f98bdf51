"""The differentiable selection: hard forward, Gumbel-softmax backward."""

import math

import pytest
import torch
from torch import Tensor

from semantic.distortion.gumbel import (
    annealed_temperature,
    gumbel_noise,
    relaxed_draws,
    select_distorted,
)


def distortions(batch: int, features: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, features, generator=generator, dtype=torch.float64)


def w_by_hand(d: Tensor, draws: int, temperature: float, noise: Tensor) -> Tensor:
    """Eq. 10-12 as printed, one draw at a time, for one image."""
    w = torch.zeros_like(d)
    order = d.detach().argsort(descending=True, stable=True)
    for r in range(1, draws + 1):
        kept = torch.ones_like(d)
        kept[order[: r - 1]] = 0.0
        v = torch.softmax(d * kept, 0)
        w = w + torch.softmax((torch.log(v) + noise[r - 1]) / temperature, 0)
    return w


def relaxed_selection(
    d: Tensor, draws: Tensor, temperature: float, noise: Tensor, valid: Tensor | None = None
) -> Tensor:
    """The continuous selection w, the sum of all draws."""
    valid = torch.ones_like(d, dtype=torch.bool) if valid is None else valid
    received = d.detach().masked_fill(~valid, -1.0)
    rank = received.argsort(dim=1, descending=True, stable=True).argsort(1)
    return relaxed_draws(d, rank, valid, draws, temperature, noise).sum(1)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
def test_forward_is_thresholding(threshold: float) -> None:
    d = distortions(7, 50).float()
    d[0, 0] = threshold
    valid = distortions(7, 50, 1) < 0.7
    p = select_distorted(d, threshold, 1.0)
    assert torch.equal(p, (d >= threshold).float())
    assert p[0, 0] == 1.0
    masked = select_distorted(d, threshold, 1.0, valid=valid)
    assert torch.equal(masked, ((d >= threshold) & valid).float())


@pytest.mark.parametrize("temperature", [0.1, 1.0, 10.0])
def test_relaxation_is_the_printed_one(temperature: float) -> None:
    d = distortions(3, 12)
    draws = torch.tensor([0, 5, 12])
    noise = gumbel_noise((3, 12, 12), torch.Generator().manual_seed(1))
    w = relaxed_selection(d, draws, temperature, noise)
    for image in range(3):
        expected = w_by_hand(d[image], int(draws[image]), temperature, noise[image])
        torch.testing.assert_close(w[image], expected)


@pytest.mark.parametrize("temperature", [0.05, 1.0, 10.0])
def test_backward_is_the_gradient_of_the_relaxation(temperature: float) -> None:
    d = distortions(4, 20).requires_grad_()
    valid = distortions(4, 20, 1) < 0.8
    valid[3] = False  # nothing received: no draw, no gradient
    u = distortions(4, 20, 2) - 0.5
    p = select_distorted(d, 0.4, temperature, torch.Generator().manual_seed(5), valid, chunk=20)
    (straight_through,) = torch.autograd.grad((p * u).sum(), d)

    draws = p.detach().sum(1).long()
    seed = int(torch.randint(1 << 62, (), generator=torch.Generator().manual_seed(5)))
    noise = gumbel_noise((4, int(draws.max()), 20), torch.Generator().manual_seed(seed))
    w = relaxed_selection(d, draws, temperature, noise, valid)
    (relaxed,) = torch.autograd.grad((w * u).sum(), d)
    torch.testing.assert_close(straight_through, relaxed)
    assert torch.isfinite(relaxed).all()
    assert not relaxed[3].any()
    assert not relaxed[~valid].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("temperature", [1e-3, 1.0, 10.0])
def test_gradient_is_finite_and_nonzero(temperature: float, dtype: torch.dtype) -> None:
    d = distortions(8, 300).to(dtype).requires_grad_()
    u = torch.linspace(-1, 1, 300)
    p = select_distorted(d, 0.5, temperature, torch.Generator().manual_seed(0))
    (p * u).sum().backward()  # type: ignore[no-untyped-call]
    assert d.grad is not None
    assert d.grad.dtype == dtype
    assert torch.isfinite(d.grad).all()
    assert (d.grad != 0).any(dim=1).all() or temperature < 0.01


def test_chunks_agree_where_there_is_little_noise() -> None:
    """The chunk decides which noise a draw meets: means over many draws do not depend on it."""
    d = (0.4 + 0.2 * distortions(1, 400)).requires_grad_()
    u = torch.linspace(-1, 1, 400)
    gradients = []
    for chunk in (1, 7, 1000):
        generator = torch.Generator().manual_seed(1)
        total = torch.zeros(1, 400, dtype=torch.float64)
        for _ in range(20):
            p = select_distorted(d, 0.5, 5.0, generator, chunk=chunk)
            total += torch.autograd.grad((p * u).sum(), d)[0]
        gradients.append(total)
    for other in gradients[1:]:
        cosine = torch.nn.functional.cosine_similarity(gradients[0], other)
        assert cosine > 0.97


def test_same_generator_same_gradient() -> None:
    d = distortions(2, 30).requires_grad_()
    u = distortions(2, 30, 1)
    gradients = []
    for seed in (3, 3, 4):
        p = select_distorted(d, 0.5, 1.0, torch.Generator().manual_seed(seed))
        gradients.append(torch.autograd.grad((p * u).sum(), d)[0])
    assert torch.equal(gradients[0], gradients[1])
    assert not torch.equal(gradients[0], gradients[2])


def test_sample_sums_to_the_number_of_draws() -> None:
    d, draws = distortions(5, 40), torch.tensor([0, 1, 7, 20, 40])
    valid = distortions(5, 40, 1) < 0.9
    noise = gumbel_noise((5, 40, 40), torch.Generator().manual_seed(0))
    w = relaxed_selection(d, draws, 0.5, noise, valid)
    torch.testing.assert_close(w.sum(1), draws.double())
    assert w.min() >= 0
    assert not w[~valid].any()


def test_cold_and_without_noise_the_largest_values_are_picked_once_each() -> None:
    d, draws = distortions(4, 25), torch.tensor([1, 5, 12, 24])
    w = relaxed_selection(d, draws, 1e-6, torch.zeros(4, 25, 25))
    rank = d.argsort(1, descending=True).argsort(1)
    torch.testing.assert_close(w, (rank < draws[:, None]).double())


def test_cold_draws_are_one_hot_samples_of_the_categorical() -> None:
    d = torch.tensor([[0.1, 0.9, 0.5]]).expand(40_000, 3)
    noise = gumbel_noise((40_000, 2, 3), torch.Generator().manual_seed(0))
    first = relaxed_selection(d, torch.ones(40_000, dtype=torch.long), 1e-4, noise)
    both = relaxed_selection(d, torch.full((40_000,), 2), 1e-4, noise)
    assert (first.max(1).values > 0.99).float().mean() > 0.99
    without_largest = torch.tensor([0.1, 0.0, 0.5])
    for w, logits in ((first, d[0]), (both - first, without_largest)):
        # Four standard errors of a share of 40 000.
        torch.testing.assert_close(w.mean(0), logits.softmax(0), atol=4 * 0.5 / 200, rtol=0)


def test_gumbel_noise_has_its_moments() -> None:
    noise = gumbel_noise((200_000,), torch.Generator().manual_seed(0))
    assert torch.isfinite(noise).all()
    assert noise.mean().item() == pytest.approx(0.5772, abs=0.015)
    assert noise.var().item() == pytest.approx(math.pi**2 / 6, rel=0.03)


def test_mistakes_are_value_errors() -> None:
    d = torch.rand(1, 3)
    with pytest.raises(ValueError, match="temperature must be positive"):
        select_distorted(d, 0.5, 0.0)
    with pytest.raises(ValueError, match="chunk"):
        select_distorted(d, 0.5, 1.0, chunk=0)
    with pytest.raises(ValueError, match="progress"):
        annealed_temperature(1.5)
    with pytest.raises(ValueError, match="last temperature"):
        annealed_temperature(0.5, last=0.0)
