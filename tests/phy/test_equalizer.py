"""Equalizers: bias, error variances in closed form, limits, and what combining makes of them."""

import pytest
import torch
from torch import Tensor

from phy.channel import Received
from phy.equalizer import COMBINERS, Equalized, ignore_channel, mmse, zero_forcing

ROWS, USES = 4000, 16


def circular(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    pair = torch.randn(2, *shape, generator=generator) * 0.5**0.5
    return torch.complex(pair[0], pair[1])


def burst(
    no: float, block: bool = False, silent: int = 0, seed: int = 0
) -> tuple[Tensor, Received]:
    """(x of unit power, y = h x + n): h Rayleigh, the same gains in every row; 0 at the end."""
    h = circular(1, 1 if block else USES, seed=1).expand(ROWS, USES).clone()
    h[:, USES - silent :] = 0
    x, n = circular(ROWS, USES, seed=2), circular(ROWS, USES, seed=3 + seed) * no**0.5
    return x, Received(h * x + n, h, torch.full((1, 1), no))


def mean_is(samples: Tensor, expected: Tensor) -> bool:
    """Per use, within 4.5 standard errors: 16 uses pass by chance but once in 9 000."""
    samples = samples.double()
    spread = samples.std(0) / len(samples) ** 0.5
    return bool(((samples.mean(0) - expected).abs() < 4.5 * spread + 1e-9).all())


@pytest.mark.parametrize("no", [0.05, 0.8])
def test_zero_forcing_is_unbiased_with_enhanced_noise(no: float) -> None:
    x, received = burst(no)
    estimate, variance = zero_forcing(received)
    error = estimate - x
    assert mean_is(error.real, torch.zeros(USES))
    assert mean_is((error * x.conj()).real, torch.zeros(USES))  # at every x, not on average only
    assert torch.allclose(variance, no / received.h.abs().square(), rtol=1e-5)
    assert mean_is(error.abs().square(), variance[0].double())


@pytest.mark.parametrize("no", [0.05, 0.8])
def test_mmse_error_variance_in_closed_form(no: float) -> None:
    x, received = burst(no)
    estimate, variance = mmse(received)
    error = estimate - x
    gain = received.h[0].abs().square()
    assert torch.allclose(variance[0], no / (gain + no), rtol=1e-5)
    assert mean_is(error.abs().square(), variance[0].double())
    # orthogonality principle, and the bias that goes with it: E[x_hat x*] = 1 - MSE
    assert mean_is((error * received.y.conj()).real, torch.zeros(USES))
    assert mean_is((estimate * x.conj()).real, (1 - variance[0]).double())
    assert (variance < zero_forcing(received).variance).all()


def test_mmse_becomes_zero_forcing_without_noise() -> None:
    _, received = burst(1e-2)
    gaps = []
    for no in (1e-2, 1e-4, 1e-6):  # what the receiver takes no for, one and the same y
        known = received._replace(no=torch.full((1, 1), no))
        a, b = mmse(known), zero_forcing(known)
        gap = (a.estimate - b.estimate).abs()
        assert torch.allclose(gap, b.estimate.abs() * a.variance, rtol=1e-2, atol=1e-6)
        gaps.append(float(gap.max()))
    assert gaps[0] > 30 * gaps[1] > 900 * gaps[2] > 0
    assert gaps[2] < 1e-3


@pytest.mark.parametrize("no", [0.05, 0.8])
def test_ignoring_the_channel_leaves_gain_and_phase_in(no: float) -> None:
    x, received = burst(no)
    estimate, variance = ignore_channel(received)
    assert torch.equal(estimate, received.y)
    assert (variance == no).all()
    error = (estimate - x).abs().square()
    assert mean_is(error, no + (received.h[0] - 1).abs().square().double())


def test_over_awgn_all_but_mmse_give_y() -> None:
    _, received = burst(0.4)
    plain = received._replace(h=torch.ones_like(received.h))
    for equalizer in (ignore_channel, zero_forcing):
        estimate, variance = equalizer(plain)
        assert torch.equal(estimate, plain.y)
        assert torch.allclose(variance, torch.tensor(0.4))
    assert torch.allclose(mmse(plain).estimate, plain.y / 1.4)


@pytest.mark.parametrize("name", COMBINERS)
def test_nothing_sent_has_no_weight_and_spoils_nothing(name: str) -> None:
    _, received = burst(0.3, silent=4)
    matched, weight = COMBINERS[name](received)
    assert (weight[:, -4:] == 0).all()
    assert (weight[:, :-4] > 0).all()
    assert matched.isfinite().all()
    assert weight.isfinite().all()
    shorter = Received(received.y[:, :-4], received.h[:, :-4], received.no)
    for whole, part in zip((matched, weight), COMBINERS[name](shorter), strict=True):
        assert torch.allclose(whole[:, :-4], part, rtol=1e-5)


@pytest.mark.parametrize("name", COMBINERS)
def test_silence_alone(name: str) -> None:
    zero = torch.zeros(3, 5, dtype=torch.complex64)
    matched, weight = COMBINERS[name](Received(zero, zero, torch.ones(1, 1)))
    assert (weight == 0).all()
    assert (matched == 0).all()


def test_maximum_ratio_weights_are_exact_and_the_best() -> None:
    """Over two transmissions: error 1 / sum of weights, with a prior less than anyone else's."""
    no = 0.5
    x, first = burst(no)
    h = circular(1, USES, seed=4).expand(ROWS, USES)
    second = first._replace(h=h, y=h * x + circular(ROWS, USES, seed=5) * no**0.5)
    gains = (first.h[0].abs().square() + h[0].abs().square()) / no
    means = {}
    for name, combiner in COMBINERS.items():
        (a, weight_a), (b, weight_b) = combiner(first), combiner(second)
        weight = weight_a + weight_b
        means[name] = float(((a + b) / (1 + weight) - x).abs().square().mean())
        if name == "mrc":
            assert torch.allclose(weight[0], gains, rtol=1e-5)
            assert mean_is(((a + b) / weight - x).abs().square(), (1 / gains).double())
            assert mean_is(((a + b) / (1 + weight) - x).abs().square(), 1 / (1 + gains).double())
    assert sorted(means, key=lambda name: means[name]) == ["mrc", "mmse", "zf", "none"]


def test_block_fading_makes_the_coherent_ones_agree() -> None:
    _, received = burst(0.5, block=True)
    mrc = COMBINERS["mrc"](received)
    for name in ("zf", "mmse"):
        for mine, best in zip(COMBINERS[name](received), mrc, strict=True):
            assert torch.allclose(mine, best, rtol=1e-4)


def test_one_snr_a_slot_is_that_of_the_mean_squared_error() -> None:
    _, received = burst(0.5)
    for name, equalizer in (("zf", zero_forcing), ("mmse", mmse)):
        found: Equalized = equalizer(received)
        mse = found.variance.mean(1, keepdim=True)
        matched, weight = COMBINERS[name](received)
        assert (weight == weight[:, :1]).all()
        snr = 1 / mse - (1 if name == "mmse" else 0)
        assert torch.allclose(weight[:, :1], snr, rtol=1e-4)
        if name == "mmse":  # what a decoder with a prior of unit variance reads is the estimate
            assert torch.allclose(matched / (1 + weight), found.estimate, rtol=1e-4)
        else:
            assert torch.allclose(matched / weight, found.estimate, rtol=1e-4)


@pytest.mark.parametrize("name", COMBINERS)
def test_rows_do_not_depend_on_their_company(name: str) -> None:
    _, received = burst(0.5)
    whole = COMBINERS[name](received)
    for rows in ([7], [9, 3, 1000]):
        part = COMBINERS[name](Received(received.y[rows], received.h[rows], received.no))
        for mine, ours in zip(part, whole, strict=True):
            assert torch.equal(mine, ours[rows])
