"""Every flat law: distribution of |h|^2, capacities and error rates against closed forms.

Images are independent, so every statistic is one of independent images. Significance: 0.1 % for
each goodness of fit (Kolmogorov and Smirnov), three standard errors for each mean power, 0.01 % for
each interval of a rate; the seeds are fixed.
"""

from functools import cache

import numpy as np
import pytest
import torch
from flat_laws import LAWS, bit_error_rate, ergodic_capacity, rayleigh_capacity
from scipy import integrate, stats

from phy.modulation import Modulation
from phy.snr import noise_variance
from phy.streams import Streams

SIGNIFICANCE, RATES = 1e-3, 1e-4
Z = float(stats.norm.isf(RATES / 2))
IMAGES = 5000
CASES = [
    (name, fading)
    for name in LAWS
    for fading in ("fast", "block", "jakes")
    if fading == "fast" or name.startswith(("rayleigh", "rician", "nakagami", "2 antennas"))
]


@cache
def powers(name: str, fading: str = "fast") -> tuple[np.ndarray, np.ndarray]:
    """|h|^2 of every image: at the first use of the first slot, at the last of the second."""
    channel, images = LAWS[name].make(fading), np.arange(IMAGES)
    first, state = channel.draw(Streams(0, "c", images, 0), 3, None)
    last, _ = channel.draw(Streams(0, "c", images, 1), 3, state)
    return tuple(np.abs(h.numpy().astype(np.complex128)) ** 2 for h in (first[:, 0], last[:, -1]))


@pytest.mark.parametrize(("name", "fading"), CASES)
def test_power_follows_its_law_at_the_first_use_and_later(name: str, fading: str) -> None:
    law = LAWS[name]
    for power in powers(name, fading):
        assert abs(power.mean() - law.mean) < 3 * power.std() / np.sqrt(IMAGES)
        if law.cdf is not None:
            assert stats.kstest(power, law.cdf).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if not law.memory])
def test_fast_fading_follows_the_law_over_the_uses_of_an_image(name: str) -> None:
    law = LAWS[name]
    h, _ = law.make("fast").draw(Streams(1, "c", np.arange(4)), 5000, None)
    power = np.abs(h.numpy().astype(np.complex128)).ravel() ** 2
    assert stats.kstest(power, law.cdf).pvalue > SIGNIFICANCE


def test_the_neighbor_of_a_law_is_found_out() -> None:
    power = np.concatenate(powers("nakagami m=1.7"))
    assert stats.kstest(power, LAWS["rician K=2"].cdf).pvalue < SIGNIFICANCE
    assert stats.kstest(power, stats.gamma(1.9, scale=1 / 1.9).cdf).pvalue < SIGNIFICANCE


@pytest.mark.parametrize("fading", ["fast", "jakes"])
@pytest.mark.parametrize("name", ["rayleigh", "nakagami m=0.5", "nakagami m=8"])
def test_phase_is_uniform_and_independent_of_the_envelope(name: str, fading: str) -> None:
    h, _ = LAWS[name].make(fading).draw(Streams(0, "c", np.arange(IMAGES)), 1, None)
    h = h.numpy()[:, 0]
    assert stats.kstest(np.angle(h), stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > SIGNIFICANCE
    for part in (h.real, h.imag):
        assert stats.spearmanr(np.abs(h), np.sign(part)).pvalue > SIGNIFICANCE


@pytest.mark.parametrize("name", LAWS)
def test_ergodic_capacity(name: str) -> None:
    law = LAWS[name]
    power, _ = powers(name)
    for snr_db in (-6.0, 8.0):
        snr = 1 / noise_variance(snr_db)
        rate = np.log2(1 + snr * power)
        assert abs(rate.mean() - ergodic_capacity(law, snr)) < Z * rate.std() / np.sqrt(IMAGES)


def test_the_capacity_integral_against_textbooks() -> None:
    for snr in (0.25, 6.0):
        assert ergodic_capacity(LAWS["rayleigh"], snr) == pytest.approx(rayleigh_capacity(snr))
        direct, _ = integrate.quad(
            lambda g, snr=snr: np.log2(1 + snr * g) * 6 * stats.ncx2(2, 4).pdf(6 * g), 0, 40
        )
        assert ergodic_capacity(LAWS["rician K=2"], snr) == pytest.approx(direct, rel=1e-5)


@pytest.mark.parametrize("name", [name for name, law in LAWS.items() if law.cdf is not None])
def test_outage_of_a_rate(name: str) -> None:
    """One gain for a block: P(log2(1 + snr |h|^2) < R), exact binomial interval."""
    law, snr, rate = LAWS[name], 10.0, 1.5
    power, _ = powers(name)
    outages = int((np.log2(1 + snr * power) < rate).sum())
    expected = float(law.cdf(np.asarray((2**rate - 1) / snr)))
    assert stats.binomtest(outages, IMAGES, expected).pvalue > RATES


@pytest.mark.parametrize("modulation", ["bpsk", "16qam"])
@pytest.mark.parametrize("name", LAWS)
def test_uncoded_bit_error_rate(name: str, modulation: str) -> None:
    """Through the channel and the demapper; the images' own error rates are independent."""
    law, images, uses = LAWS[name], 1500, 24
    snr_db = 5.0 if modulation == "bpsk" else 10.0
    channel, no, mapper = law.make("fast"), noise_variance(snr_db), Modulation(modulation)
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (images, uses * mapper.bits_per_symbol), generator=generator)
    streams = Streams(0, "c", np.arange(images))
    h, _ = channel.draw(streams.for_role("fading"), uses, None)
    y, h, no_hat = channel.apply(mapper.map(bits), h, no, streams.for_role("noise"))
    wrong = (mapper.demap(y, h, no_hat) < 0) != bits.bool()
    rate = wrong.double().mean(1).numpy()
    expected = bit_error_rate(law, modulation, 1 / no)
    assert abs(rate.mean() - expected) < Z * rate.std() / np.sqrt(images)
