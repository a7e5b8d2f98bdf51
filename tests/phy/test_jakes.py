"""Correlated fading against Clarke's model: autocorrelation J0, level crossings, one clock.

Averages over independent images; an interval of four standard errors each, fixed seeds.
"""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import j0

from phy.channel import Channel
from phy.channels.fading import Rayleigh, Rician
from phy.channels.jakes import PATHS, SPEED_OF_LIGHT_MPS, Jakes
from phy.channels.nakagami import Nakagami
from phy.streams import Streams

IMAGES = 4000
#: f_d = 196.8 Hz, a use of 50 us and a slot of 1 ms: 2 pi f_d t is 0.06 a use, 1.24 a slot.
MOTION = {"speed_mps": 10.0, "carrier_hz": 5.9e9, "bandwidth_hz": 20e3, "interval_s": 1e-3}
OMEGA = 2 * np.pi * Jakes(**MOTION).doppler_hz


def slots(channel: Channel, uses: int, count: int, images: int = IMAGES) -> np.ndarray:
    """[images, count * uses] gains of slots in a row."""
    drawn, state = [], None
    for slot in range(count):
        h, state = channel.draw(Streams(0, "c", np.arange(images), slot), uses, state)
        drawn.append(h.numpy().astype(np.complex128))
    return np.concatenate(drawn, axis=1)


def assert_mean(values: np.ndarray, expected: float) -> None:
    """Real and imaginary part of the mean over images."""
    for part, value in ((values.real, expected), (values.imag, 0.0)):
        assert abs(part.mean() - value) < 4 * part.std() / np.sqrt(len(values)) + 1e-6


@pytest.mark.parametrize("k", [0.0, 2.0])
def test_autocorrelation_within_and_across_slots(k: float) -> None:
    """A slot is 20 uses long and 20 are sent: three slots are one stretch of 60 uses."""
    channel = Rician(k, "jakes", **MOTION) if k else Rayleigh("jakes", **MOTION)
    h = slots(channel, 20, 3)
    for lag in (1, 10, 19, 20, 39, 59):
        expected = (k + j0(OMEGA * lag / 20e3)) / (k + 1)
        assert_mean(h[:, 0].conj() * h[:, lag], expected)
        assert_mean(h[:, 59 - lag].conj() * h[:, 59], expected)


def test_another_speed_is_found_out() -> None:
    h = slots(Rayleigh("jakes", **{**MOTION, "speed_mps": 11.0}), 20, 2)
    product = (h[:, 0].conj() * h[:, 39]).real
    error = abs(product.mean() - j0(OMEGA * 39 / 20e3))
    assert error > 4 * product.std() / np.sqrt(IMAGES)


def test_far_lags_too() -> None:
    """2 pi f_d tau up to 37, beyond what one image's ring resolves: the mean is J0 all the same."""
    h = slots(Rayleigh("jakes", **MOTION), 1, 31, 2000)
    for lag in (8, 16, 30):
        assert OMEGA * lag * 1e-3 > PATHS / 2
        assert_mean(h[:, 0].conj() * h[:, lag], j0(OMEGA * lag * 1e-3))


def test_jointly_gaussian() -> None:
    """E|g0|^2 |g1|^2 = 1 + J0^2; sums and differences over time are Rayleigh too."""
    h = slots(Rayleigh("jakes", **MOTION), 20, 2)
    rho = j0(OMEGA * 20 / 20e3)
    assert_mean(np.abs(h[:, 0]) ** 2 * np.abs(h[:, 20]) ** 2 + 0j, 1 + rho**2)
    for sign in (1, -1):
        power = np.abs(h[:, 0] + sign * h[:, 20]) ** 2 / (2 + 2 * sign * rho)
        assert stats.kstest(power, stats.expon.cdf).pvalue > 1e-3


@pytest.mark.parametrize("level", [0.1, 0.5, 1.0, 2.0])
def test_level_crossing_rate(level: float) -> None:
    """sqrt(2 pi) f_d rho exp(-rho^2) upward crossings a second (Rice; Jakes, 1974)."""
    images, uses, doppler = 1200, 1000, 0.005  # f_d / W: fine enough to miss no crossing
    fine = Rayleigh("jakes", doppler * SPEED_OF_LIGHT_MPS, 1.0, 1.0, 1.0)
    envelope = np.abs(slots(fine, uses, 1, images))
    crossings = ((envelope[:, :-1] < level) & (envelope[:, 1:] >= level)).sum(1)
    expected = np.sqrt(2 * np.pi) * doppler * level * np.exp(-(level**2)) * (uses - 1)
    assert abs(crossings.mean() - expected) < 4 * crossings.std() / np.sqrt(images)


def test_one_clock_for_bursts_of_any_length() -> None:
    channel = Rayleigh("jakes", **MOTION)
    images = np.arange(50)
    seconds = []
    for first in (1, 33, 200):
        _, state = channel.draw(Streams(0, "c", images), first, None)
        seconds.append(channel.draw(Streams(0, "c", images, 1), 7, state)[0])
    assert torch.equal(seconds[0], seconds[1])
    assert torch.equal(seconds[0], seconds[2])


def test_nothing_moves_at_speed_0() -> None:
    h = slots(Rayleigh("jakes", 0.0), 50, 3, 20)
    np.testing.assert_allclose(h, h[:, :1].repeat(150, 1), atol=1e-6)
    assert len(np.unique(h[:, 0])) == 20


def test_sum_of_sinusoids_as_it_is_written() -> None:
    """The blocks of phasors against the formula in double precision."""
    jakes = Jakes(**MOTION)
    streams = Streams(3, "c", np.arange(5))
    ring = jakes.start(streams)._replace(transmissions=torch.full((5,), 7))
    g, after = jakes.draw(streams, 101, ring)
    assert after.transmissions.tolist() == [8] * 5
    angle = (2 * np.pi * np.arange(PATHS) + ring.rotation.double().numpy()[:, None]) / PATHS
    time = 7 * 1e-3 + np.arange(101) / 20e3
    phase = OMEGA * np.cos(angle)[..., None] * time
    expected = (ring.amplitude.numpy()[..., None] * np.exp(1j * phase)).sum(1)
    np.testing.assert_allclose(g.numpy(), expected, atol=2e-6)


def test_nakagami_keeps_rank_and_phase_of_the_scatter() -> None:
    g = slots(Rayleigh("jakes", **MOTION), 20, 2, 50)
    h = slots(Nakagami(0.7, "jakes", **MOTION), 20, 2, 50)
    assert np.array_equal(np.argsort(np.abs(g).ravel()), np.argsort(np.abs(h).ravel()))
    np.testing.assert_allclose(np.angle(h * g.conj()), 0, atol=1e-5)
    one = slots(Nakagami(1.0, "jakes", **MOTION), 20, 2, 50)
    np.testing.assert_allclose(one, g, rtol=3e-6)


@pytest.mark.parametrize("m", [0.5, 0.9, 3.0, 40.0, 1000.0])
def test_the_quantile_table(m: float) -> None:
    """|h| between the points of the table, down to a probability of 1e-8."""
    gains = np.geomspace(1e-4, 5, 997).astype(np.float32)

    class Given(Streams):
        def complex_normal(self, *shape: int) -> torch.Tensor:
            return torch.from_numpy(gains.astype(np.complex64))[None]

    streams = Given(0, "c", np.arange(1))
    h, _ = Nakagami(m).draw(streams, len(gains), None)
    z = gains.astype(np.float64) ** 2
    law = stats.gamma(m, scale=1 / m)
    expected = np.sqrt(np.where(z < 0.7, law.ppf(-np.expm1(-z)), law.isf(np.exp(-z))))
    np.testing.assert_allclose(h.numpy()[0].real, expected, rtol=5e-6)


def test_images_move_on_their_own() -> None:
    h = slots(Rayleigh("jakes", **MOTION), 1, 1, 2000)[:, 0]
    assert_mean(h[0::2] * h[1::2].conj(), 0.0)
    one, _ = Rayleigh("jakes", **MOTION).draw(Streams(0, "c", np.arange(77, 78)), 1, None)
    assert one[0, 0].item() == h[77]
