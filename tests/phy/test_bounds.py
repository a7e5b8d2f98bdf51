"""Limits: capacities against known figures, and the bound under which no block is decoded."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from phy.coding.bounds import (
    bicm_information,
    cannot_decode,
    faded_information,
    gaussian_limit_db,
    normal_approximation,
    required_snr_db,
)
from phy.coding.rate_matching import empty_buffer
from phy.coding.transport import TransportCodec
from phy.modulation import BITS_PER_SYMBOL, Modulation


@pytest.mark.parametrize(("name", "snr_db"), [("bpsk", 0.377), ("16qam", 9.309)])
def test_capacity_at_rate_three_quarters(name: str, snr_db: float) -> None:
    bits = 0.75 * BITS_PER_SYMBOL[name]
    found = required_snr_db(lambda snr: bicm_information(snr, name)[0], bits)
    assert found == pytest.approx(snr_db, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "k_factor", "snr_db"),
    [("bpsk", 2.0, 2.326), ("16qam", 2.0, 11.135), ("bpsk", 0.0, 3.700)],
)
def test_ergodic_capacity(name: str, k_factor: float, snr_db: float) -> None:
    bits = 0.75 * BITS_PER_SYMBOL[name]
    found = required_snr_db(lambda snr: faded_information(snr, name, k_factor)[0], bits)
    assert found == pytest.approx(snr_db, abs=3e-3)


@pytest.mark.parametrize(
    ("name", "n", "snr_db"),
    [("bpsk", 8000, 0.609), ("bpsk", 1408, 0.896), ("16qam", 8000, 9.571), ("16qam", 1408, 9.903)],
)
def test_normal_approximation(name: str, n: int, snr_db: float) -> None:
    uses = n / BITS_PER_SYMBOL[name]
    found = required_snr_db(
        lambda snr: -normal_approximation(uses, 0.75 * n, *bicm_information(snr, name)), -1e-2
    )
    assert found == pytest.approx(snr_db, abs=2e-3)


@pytest.mark.parametrize("name", BITS_PER_SYMBOL)
def test_information_is_what_the_demapper_gives(name: str) -> None:
    """The mean of 1 - log2(1 + exp(-L of the right sign)) over the demapper's own LLRs."""
    snr, uses, order = 3.0, 100_000, BITS_PER_SYMBOL[name]
    generator = torch.Generator().manual_seed(1)
    bits = torch.randint(0, 2, (1, uses * order), generator=generator)
    noise = torch.randn(1, uses, generator=generator, dtype=torch.complex64)
    y = Modulation(name).map(bits) + noise / math.sqrt(snr)
    right = Modulation(name).demap(y, torch.ones(1, 1), 1 / snr) * (1 - 2 * bits)
    density = (1 - torch.nn.functional.softplus(-right) / math.log(2)).reshape(uses, order).sum(1)
    mean, variance = bicm_information(snr, name)
    assert float(density.mean()) == pytest.approx(mean, abs=5 * math.sqrt(variance / uses))
    squares = (density - density.mean()) ** 2
    assert float(squares.mean()) == pytest.approx(
        variance, abs=5 * float(squares.std()) / math.sqrt(uses)
    )


def test_gaussian_limits() -> None:
    for bits, snr_db in ((0.75, -1.663), (1.5, 2.621), (3.0, 8.451)):
        assert gaussian_limit_db(bits) == pytest.approx(snr_db, abs=1e-3)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "bits", "rate"),
    [("bpsk", 5976, 0.75), ("16qam", 5976, 0.75), ("bpsk", 500, 0.5), ("64qam", 2000, 0.92)],
)
@pytest.mark.parametrize("fading", [False, True])
def test_nothing_given_up_could_have_been_decoded(
    name: str, bits: int, rate: float, fading: bool
) -> None:
    """Around the threshold, full decoding agrees: all that is given up fails."""
    codec = TransportCodec(bits, rate, name, give_up=False, iterations=30)
    modulation = Modulation(name)
    information = (
        (lambda s: faded_information(s, name, 0.0))
        if fading
        else (lambda s: bicm_information(s, name))
    )
    limit = required_snr_db(lambda s: information(s)[0], rate * modulation.bits_per_symbol)
    generator = torch.Generator().manual_seed(2)
    given_up = decoded = 0
    for offset in np.arange(-3.5, 6.1, 0.5):
        no = 10 ** (-(limit + offset) / 10)
        sent = torch.randint(0, 2, (8, bits), generator=generator, dtype=torch.uint8)
        x = modulation.map(codec.encode(sent))
        noise, h = (torch.randn(x.shape, generator=generator, dtype=x.dtype) for _ in range(2))
        h = h if fading else torch.ones_like(h)
        llr = modulation.demap(h * x + no**0.5 * noise, h, no)
        outcome = codec.receive(codec.start(8), llr)
        hopeless = cannot_decode(outcome.buffer.llr[:, 0].numpy(), codec.code.k)
        assert not bool((outcome.crc_ok & torch.from_numpy(hopeless)).any())
        given_up += int(hopeless.sum())
        decoded += int(outcome.crc_ok.sum())
    assert given_up >= 8
    assert decoded >= 8


def test_after_retransmissions_too() -> None:
    sent_off, on = (TransportCodec(5976, 0.75, "bpsk", give_up=g) for g in (False, True))
    modulation, generator = Modulation("bpsk"), torch.Generator().manual_seed(3)
    for snr_db in np.arange(-8.0, 2.0, 0.5):
        no, bits = 10 ** (-snr_db / 10), torch.randint(0, 2, (4, 5976), generator=generator)
        full, short = sent_off.start(4), on.start(4)
        for j in range(4):
            x = modulation.map(on.encode(bits, j))
            noise = torch.randn(x.shape, generator=generator, dtype=x.dtype)
            llr = modulation.demap(x + no**0.5 * noise, torch.ones(1, 1), no)
            one, two = sent_off.receive(full, llr, j), on.receive(short, llr, j)
            assert torch.equal(one.crc_ok, two.crc_ok)
            full, short = one.buffer, two.buffer


def test_the_bound_is_a_probability_of_being_right() -> None:
    """On a code small enough for a best decoder: repeat one bit, decide by the sign of the sum."""
    rng = np.random.default_rng(0)
    llr = rng.normal(0.05, math.sqrt(0.1), (4000, 20))
    # One information bit: chance never is under one half, so it is never given up.
    assert not cannot_decode(llr.astype(np.float32), 1).any()
    # Twenty bits on twenty uses: right when every sign is; the bound must not be under its mean.
    right = np.prod(1 / (1 + np.exp(-np.abs(llr))), axis=1)
    for below in (1e-6, 1e-5, 1e-4):
        assert not (cannot_decode(llr.astype(np.float32), 20, below) & (right > below)).any()


def test_known_bits_do_not_count() -> None:
    codec = TransportCodec(100)
    buffer = empty_buffer(1, codec.code)
    assert cannot_decode(buffer, codec.code.k)[0]
    buffer[:, : codec.code.k] = 20.0
    assert not cannot_decode(buffer, codec.code.k)[0]


def test_refusal() -> None:
    with pytest.raises(ValueError, match="linear, not dB"):
        bicm_information(-3.0, "bpsk")
