"""Flat channels against the distributions that they are named after.

Goodness of fit by Kolmogorov and Smirnov. The tests of this file reject a right channel with a
probability of 0.1 % each (seeds are fixed, so they either always pass or always fail).
"""

import numpy as np
import pytest
import torch
from scipy import stats

from phy.channel import NOISE_ROLE, Channel
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.streams import Streams

SIGNIFICANCE = 1e-3
CHANNELS = {
    **{f"rician K={k}": (lambda fading, k=k: Rician(k, fading), k) for k in (0.0, 2.0, 10.0)},
    "rayleigh": (Rayleigh, 0.0),
}


def gains(channel: Channel, fading: str, slot: int = 0) -> np.ndarray:
    """20 000 independent gains: use by use, or image by image."""
    images, uses = (20, 1000) if fading == "fast" else (20_000, 8)
    h, _ = channel.draw(Streams(0, "c", np.arange(images), slot), uses, None)
    assert h.shape == ((images, uses) if fading == "fast" else (images, 1))
    assert h.dtype == torch.complex64
    return h.numpy().astype(np.complex128).ravel()


def rice(k: float) -> stats.rv_continuous:
    """|h| of h ~ CN(sqrt(K / (K + 1)), 1 / (K + 1)); K = 0 is Rayleigh."""
    sigma = np.sqrt(0.5 / (k + 1))
    return stats.rice(np.sqrt(2 * k), scale=sigma)


@pytest.mark.parametrize("fading", ["fast", "block"])
@pytest.mark.parametrize("name", CHANNELS)
def test_distribution_and_power_of_the_gain(name: str, fading: str) -> None:
    make, k = CHANNELS[name]
    h = gains(make(fading), fading)
    assert stats.kstest(np.abs(h), rice(k).cdf).pvalue > SIGNIFICANCE
    power = np.abs(h) ** 2
    assert abs(power.mean() - 1) < 3 * power.std() / np.sqrt(len(h))
    # the line of sight is real and positive; the diffuse is circular around it
    diffuse = h - np.sqrt(k / (k + 1))
    assert stats.kstest(np.angle(diffuse), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > (
        SIGNIFICANCE
    )


def test_the_misprinted_gain_would_be_found_out() -> None:
    k, h = 2.0, gains(Rician(2.0), "fast")
    printed = h - np.sqrt(k / (k + 1)) + np.sqrt(k) / (k + 1)
    assert stats.kstest(np.abs(printed), rice(k).cdf).pvalue < 1e-12
    assert np.mean(np.abs(printed) ** 2) == pytest.approx(5 / 9, abs=0.02)


@pytest.mark.parametrize("channel", [Awgn(), Rician(2.0), Rician(2.0, "block"), Rayleigh("block")])
def test_noise_has_the_variance_asked_for(channel: Channel) -> None:
    streams, no = Streams(0, "c", np.arange(50)), 0.37
    x = torch.zeros(50, 400, dtype=torch.complex64)
    h, _ = channel.draw(streams.for_role("fading"), 400, None)
    y = channel.apply(x, h, no, streams.for_role("noise")).y.numpy().ravel()
    n = len(y)
    assert abs(np.mean(np.abs(y) ** 2) - no) < 3 * no / np.sqrt(n)
    for part in (y.real, y.imag):
        assert abs(np.mean(part**2) - no / 2) < 3 * (no / 2) * np.sqrt(2 / n)


@pytest.mark.parametrize("channel", [Awgn(), Rician(2.0), Rician(2.0, "block"), Rayleigh("block")])
def test_output_is_gain_times_input_plus_noise(channel: Channel) -> None:
    streams = Streams(0, "c", np.arange(3))
    x = torch.randn(3, 40, dtype=torch.complex64)
    h, _ = channel.draw(streams.for_role("fading"), 40, None)
    received = channel.apply(x, h, 0.25, streams.for_role("noise"))
    again = Streams(0, "c", np.arange(3)).for_role("noise").for_role(NOISE_ROLE)
    noise = again.complex_normal(40) * 0.5
    assert torch.allclose(received.y, received.h * x + noise, atol=1e-6)
    assert received.h.shape == received.y.shape == x.shape
    assert received.no.unique().tolist() == [0.25]


def test_block_fading_holds_for_one_slot() -> None:
    x = torch.ones(30, 64, dtype=torch.complex64)
    seen = []
    for slot in range(2):
        streams = Streams(0, "c", np.arange(30), slot)
        h, _ = Rician(2.0, "block").draw(streams, 64, None)
        h = Rician(2.0, "block").apply(x, h, 1.0, streams).h
        assert torch.equal(h, h[:, :1].expand_as(h))
        seen.append(h[:, 0])
    both = torch.cat(seen)
    assert len(np.unique(both.numpy())) == len(both)


def test_fast_fading_changes_from_use_to_use() -> None:
    assert len(np.unique(gains(Rician(2.0), "fast"))) > 19_900


def test_a_shorter_burst_meets_the_beginning_of_the_same_fading() -> None:
    long, short = (
        Rician(2.0).draw(Streams(0, "c", np.arange(4)), uses, None)[0] for uses in (900, 100)
    )
    assert torch.equal(long[:, :100], short)


def test_awgn_has_no_fading() -> None:
    h, _ = Awgn().draw(Streams(0, "c", np.arange(4)), 10, None)
    assert torch.equal(h, torch.ones(4, 1, dtype=torch.complex64))


@pytest.mark.parametrize("k_factor", [-0.1, float("nan"), float("inf"), "two"])
def test_bad_k_factor(k_factor: object) -> None:
    with pytest.raises(ValueError, match=r"^channel rician: k_factor .* must be from 0 to 1e\+12$"):
        Rician(k_factor)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "name"), [(lambda: Rician(fading="slow"), "rician"), (lambda: Rayleigh(3), "rayleigh")]
)
def test_bad_fading(make: object, name: str) -> None:
    with pytest.raises(ValueError, match=rf"^channel {name}: fading .* fast, block, jakes$"):
        make()  # type: ignore[operator]
