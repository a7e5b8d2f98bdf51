"""Estimated channels: the error's variance and orthogonality, and the limits, over all flat laws."""

import numpy as np
import pytest
import torch
from flat_laws import LAWS, Law
from scipy import stats

from phy.channel import Channel, Received
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.channels.imperfect_csir import ImperfectCsir
from phy.channels.simo import Simo
from phy.snr import noise_variance
from phy.streams import Streams, training_streams

IMAGES, USES, NO = 300, 64, 0.5
FAMILY = {name: law for name, law in LAWS.items() if law.mean == 1} | {
    "awgn": Law(lambda fading: Awgn(), lambda s: np.exp(-s), None)
}


def streams(images: int = IMAGES, transmission: int = 0) -> Streams:
    return Streams(7, "estimated", np.arange(images), transmission)


def send(channel: Channel, no: float = NO, images: int = IMAGES) -> tuple[torch.Tensor, Received]:
    """(h as drawn, what the receiver gets of x = 1)."""
    rows = streams(images)
    h, _ = channel.draw(rows.for_role("fading"), USES, None)
    x = torch.ones(images, USES, dtype=torch.complex64)
    return h, channel.apply(x, h, no, rows.for_role("noise"))


def within(samples: torch.Tensor, expected: float, errors: float = 4.5) -> bool:
    """Whether a mean lies within so many standard errors; rows are the independent items."""
    means = samples.double().mean(1)
    spread = float(means.std() / len(means) ** 0.5)
    return abs(float(means.mean()) - expected) < errors * spread + 1e-12


@pytest.mark.parametrize("fading", ["fast", "block"])
@pytest.mark.parametrize("name", FAMILY)
def test_error_variance_and_orthogonality(name: str, fading: str) -> None:
    # E|e|^2 = v and E[e h_hat*] = 0 need E|h|^2 = 1 and nothing else. 13 laws, 2 fadings, 3 means
    # at 4.5 standard errors: all pass by chance but once in 1 500 families.
    v = 0.2
    h, received = send(ImperfectCsir(FAMILY[name].make(fading), v))
    e = h - received.h
    product = e * received.h.conj()
    assert within(e.abs().square(), v)
    assert within(product.real, 0.0)
    assert within(product.imag, 0.0)
    assert torch.equal(received.no, torch.full((1, 1), NO) + v)


def test_estimate_of_rayleigh_fading_is_the_mmse_estimate() -> None:
    # h given h_hat is CN(h_hat, v): the error is Gaussian and independent of the estimate.
    v = 0.3
    h, received = send(ImperfectCsir(Rayleigh(), v))
    e, h_hat = (h - received.h).numpy().ravel(), received.h.numpy().ravel()
    for part in (e.real, e.imag):
        assert stats.kstest(part / (v / 2) ** 0.5, "norm").pvalue > 1e-3
    for part in (h_hat.real, h_hat.imag):
        assert stats.kstest(part / ((1 - v) / 2) ** 0.5, "norm").pvalue > 1e-3
    assert stats.spearmanr(np.abs(e), np.abs(h_hat)).pvalue > 1e-3


def test_output_is_the_believed_gain_and_noise_of_the_believed_variance() -> None:
    _, received = send(ImperfectCsir(Rician(), 0.15))
    rest = received.y - received.h  # x = 1
    assert within(rest.abs().square(), NO + 0.15)


@pytest.mark.parametrize("fading", ["fast", "block"])
@pytest.mark.parametrize("name", LAWS)
def test_no_error_changes_no_number(name: str, fading: str) -> None:
    channel = LAWS[name].make(fading)
    (h, plain), (h_seen, seen) = send(channel, images=5), send(ImperfectCsir(channel), images=5)
    assert torch.equal(h, h_seen)
    for mine, theirs in zip(seen, plain, strict=True):
        assert torch.equal(mine, theirs)


def test_fading_and_noise_are_those_of_the_perfect_receiver() -> None:
    (h, plain), (h_seen, seen) = send(Rician()), send(ImperfectCsir(Rician(), 0.3))
    assert torch.equal(h, h_seen)
    assert torch.equal(plain.y, seen.y)
    assert not torch.equal(plain.h, seen.h)


def test_estimates_have_streams_of_their_own() -> None:
    channel = ImperfectCsir(Rician(), 0.3)
    whole = send(channel)[1].h
    rows = streams().rows(np.array([5, 2]), 0)
    h, _ = channel.draw(rows.for_role("fading"), 20, None)
    x = torch.ones(2, 20, dtype=torch.complex64)
    part = channel.apply(x, h, NO, rows.for_role("noise")).h
    assert torch.equal(part, whole[[5, 2], :20])  # neither company nor length matters
    later = streams(transmission=1)
    again = channel.apply(x[:1].expand(IMAGES, -1), h[:1].expand(IMAGES, -1), NO, later)
    assert not torch.equal(again.h[5], part[0])


def test_block_fading_is_estimated_once_a_slot() -> None:
    received = send(ImperfectCsir(Rician(2.0, "block"), 0.3))[1]
    assert torch.equal(received.h, received.h[:, :1].expand_as(received.h))


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 12.0])
def test_pilots_gain_with_the_snr(snr_db: float) -> None:
    no = noise_variance(snr_db)
    channel = ImperfectCsir(Rician(), pilot_gain_db=3.0)
    v = 1 / (1 + 10**0.3 / no)  # an observation of SNR rho leaves 1 / (1 + rho)
    assert channel.error_variance(no) == pytest.approx(v)
    h, received = send(channel, no)
    assert within((h - received.h).abs().square(), v)
    assert float(received.no) == pytest.approx(no + v)


def test_receive_array_is_estimated_with_its_own_gain() -> None:
    channel = ImperfectCsir(Simo(Rayleigh(), 4), pilot_gain_db=0.0)
    assert channel.average_gain == 4
    h, received = send(channel)
    assert within((h - received.h).abs().square(), 4 / (1 + 4 / NO))


def test_works_in_training_too() -> None:
    rows = training_streams(torch.Generator().manual_seed(0), 500)
    channel = ImperfectCsir(Rayleigh(), 0.1)
    h, _ = channel.draw(rows, USES, None)
    x = torch.ones(500, USES, dtype=torch.complex64)
    received = channel.apply(x, h, NO, rows)
    assert within((h - received.h).abs().square(), 0.1)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"error": 1.0}, "csir_error is 1.0, it must be at least 0 and less than 1"),
        ({"error": -0.1}, "csir_error is -0.1"),
        ({"error": float("nan")}, "csir_error is nan"),
        ({"error": "much"}, "csir_error is 'much'"),
        ({"pilot_gain_db": float("inf")}, "csir_pilot_gain_db is inf, .* from -200 to 200 dB"),
        ({"pilot_gain_db": "3 dB"}, "csir_pilot_gain_db is '3 dB'"),
        ({"error": 0.1, "pilot_gain_db": 3}, "both given: choose one"),
    ],
)
def test_what_is_not_allowed_is_named(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        ImperfectCsir(Awgn(), **arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
