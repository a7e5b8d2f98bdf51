"""A resource element of TDL and CDL fades like Rayleigh's law, or Rician's where there is a line of
sight: distribution, capacities and error rates against the closed forms of the flat laws.

The taps are sums of 20 waves, Gaussian but for a fourth moment of 2 - 1 / 20: far below what a few
thousand images resolve. One use of each image. Significance: 0.1 % for each goodness of fit,
0.01 % for each interval of a rate; the seeds are fixed.
"""

from functools import cache

import numpy as np
import pytest
import torch
from flat_laws import Law, bit_error_rate, ergodic_capacity, rician
from scipy import stats

from phy.channel import Channel
from phy.modulation import Modulation
from phy.ofdm.tr38901 import delay_profile
from phy.snr import noise_variance
from phy.streams import Streams
from simulator.catalog import CHANNELS, construct

MODELS = [f"{family}-{model}" for family in ("tdl", "cdl") for model in "abcde"]
IMAGES, SIGNIFICANCE, RATES = 5000, 1e-3, 1e-4
Z = float(stats.norm.isf(RATES / 2))


@cache
def drawn(name: str) -> tuple[Channel, torch.Tensor]:
    """The channel, and h [images, 1] at the first use of the second slot."""
    made = construct("channel", name, CHANNELS, {"bandwidth_hz": 3e6, "delay_spread_ns": 100})
    assert isinstance(made, Channel)
    images = np.arange(IMAGES)
    _, state = made.draw(Streams(0, f"{name} law", images, 0), 1, None)
    return made, made.draw(Streams(0, f"{name} law", images, 1), 1, state)[0]


def law(name: str) -> Law:
    """Rician with the K of the table: the power of the specular path over that of all others."""
    profile = delay_profile(*name.split("-"))
    specular = float(profile.powers[0]) if profile.line_of_sight else 0.0
    return rician(specular / (1 - specular))


@pytest.mark.parametrize("name", MODELS)
def test_power_follows_its_law(name: str) -> None:
    power = np.abs(drawn(name)[1][:, 0].numpy().astype(np.complex128)) ** 2
    cdf = law(name).cdf
    assert cdf is not None
    assert stats.kstest(power, cdf).pvalue > SIGNIFICANCE


def test_another_law_is_found_out() -> None:
    """Rayleigh's where there is a line of sight, and the other way round."""
    for name, other in (("tdl-d", "tdl-a"), ("cdl-a", "cdl-e")):
        power, cdf = np.abs(drawn(name)[1][:, 0].numpy()) ** 2, law(other).cdf
        assert cdf is not None
        assert stats.kstest(power, cdf).pvalue < SIGNIFICANCE


@pytest.mark.parametrize("name", MODELS)
def test_ergodic_capacity_and_outage(name: str) -> None:
    power = np.abs(drawn(name)[1][:, 0].numpy().astype(np.complex128)) ** 2
    for snr_db in (-6.0, 8.0):
        snr = 1 / noise_variance(snr_db)
        rate = np.log2(1 + snr * power)
        expected = ergodic_capacity(law(name), snr)
        assert abs(rate.mean() - expected) < Z * rate.std() / np.sqrt(IMAGES)
        cdf, target = law(name).cdf, 0.8 * expected
        assert cdf is not None
        outage = float(cdf(np.asarray((2**target - 1) / snr)))
        assert stats.binomtest(int((rate < target).sum()), IMAGES, outage).pvalue > RATES


@pytest.mark.parametrize("modulation", ["bpsk", "16qam"])
@pytest.mark.parametrize("name", MODELS)
def test_uncoded_bit_error_rate(name: str, modulation: str) -> None:
    made, h = drawn(name)
    no, mapper = noise_variance(3.0 if modulation == "bpsk" else 9.0), Modulation(modulation)
    generator = torch.Generator().manual_seed(0)
    bits = torch.randint(0, 2, (IMAGES, mapper.bits_per_symbol), generator=generator)
    noise = Streams(0, f"{name} {modulation}", np.arange(IMAGES))
    y, h_hat, no_hat = made.apply(mapper.map(bits), h, no, noise)
    rate = ((mapper.demap(y, h_hat, no_hat) < 0) != bits.bool()).double().mean(1).numpy()
    expected = bit_error_rate(law(name), modulation, 1 / no)
    assert abs(rate.mean() - expected) < Z * rate.std() / np.sqrt(IMAGES)
