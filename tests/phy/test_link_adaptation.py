"""Predicted block error rates: closed forms, and what the decoder really does."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from phy.channel import Channel
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.coding.bounds import (
    bicm_information,
    faded_information,
    normal_approximation,
    required_snr_db,
)
from phy.coding.link_adaptation import SnrStatistics, implementation_margin_db
from phy.coding.mcs import MCS_TABLE
from phy.coding.segmentation import select_base_graph
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from phy.streams import Streams

USES, BLOCKS = 1500, 60


def codec_of(index: int) -> TransportCodec:
    mcs = MCS_TABLE[index]
    bits = int(USES * mcs.spectral_efficiency) - 24
    return TransportCodec(bits, mcs.rate, mcs.modulation, select_base_graph(bits, mcs.rate))


def test_awgn_is_the_normal_approximation_of_each_code_block() -> None:
    codec = TransportCodec(20_000, 0.6, "16qam")
    assert codec.blocks > 1
    snr_db = 7.0
    statistics = SnrStatistics(np.full((3, 1), 10.0 ** (snr_db / 10.0)))
    for margin_db in (0.0, 0.5, 0.8):
        information = bicm_information(10.0 ** ((snr_db - margin_db) / 10.0), "16qam")
        block = normal_approximation(codec.uses / codec.blocks, codec.code.k, *information)
        expected = 1.0 - (1.0 - block) ** codec.blocks
        assert statistics.block_error_rate(codec, margin_db) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("modulation", ["qpsk", "16qam", "64qam"])
def test_fast_fading_has_the_ergodic_information(modulation: str) -> None:
    statistics = SnrStatistics.measure(Rician(2.0), 2000, 10.0**-0.6)
    mean, variance = statistics.information(modulation, 0.0)
    exact_mean, exact_variance = faded_information(10.0**0.6, modulation, 2.0)
    spread = math.sqrt(exact_variance / (2000 * len(mean)))  # of the mean over all uses
    assert float(mean.mean()) == pytest.approx(exact_mean, abs=4 * spread + 1e-3)
    assert float(variance.mean()) == pytest.approx(exact_variance, rel=0.02)


def test_block_fading_has_the_outage_probability() -> None:
    """A long code fails when |h|^2 SNR is under what its rate needs: 1 - exp(-needed / SNR)."""
    codec = TransportCodec(200_000, 0.5, "qpsk")
    needed_db = required_snr_db(
        lambda snr: (
            -normal_approximation(
                codec.uses / codec.blocks, codec.code.k, *bicm_information(snr, "qpsk")
            )
        ),
        -0.5 / codec.blocks,
    )
    for snr_db in (5.0, 10.0):
        statistics = SnrStatistics.measure(Rayleigh("block"), codec.uses, 10.0 ** (-snr_db / 10.0))
        outage = 1.0 - math.exp(-(10.0 ** ((needed_db - snr_db) / 10.0)))
        spread = math.sqrt(outage * (1.0 - outage) / 4096)
        assert statistics.block_error_rate(codec, 0.0) == pytest.approx(outage, abs=4 * spread)


@pytest.mark.parametrize(
    ("index", "channel"),
    [(0, Awgn()), (6, Rician()), (12, Awgn()), (20, Rician()), (28, Awgn()), (34, Rician())],
    ids=["30-qpsk", "120-qpsk", "449-qpsk", "553-16qam", "666-64qam", "948-64qam"],
)
def test_the_decoder_keeps_what_is_promised_and_little_more(index: int, channel: Channel) -> None:
    codec = codec_of(index)
    at_0_db = SnrStatistics.measure(channel, codec.uses, 1.0)
    margin_db = implementation_margin_db(codec.rate)
    promised_db = required_snr_db(
        lambda snr: -at_0_db.block_error_rate(codec, margin_db - 10.0 * math.log10(snr)), -0.1
    )
    assert binomtest(failures(codec, channel, promised_db), BLOCKS, 0.1, "greater").pvalue > 1e-3
    below = failures(codec, channel, promised_db - 0.9)
    assert binomtest(below, BLOCKS, 0.1, "greater").pvalue < 1e-3, "the margin is not wasteful"


def failures(codec: TransportCodec, channel: Channel, snr_db: float) -> int:
    """Transport blocks that real decoding gets wrong, out of BLOCKS."""
    generator = torch.Generator().manual_seed(5)
    bits = torch.randint(0, 2, (BLOCKS, codec.payload_bits), generator=generator)
    modulation = Modulation(codec.modulation)
    streams = Streams(7, "promise", np.arange(BLOCKS))
    h, _ = channel.draw(streams.for_role("fading"), codec.uses, None)
    x = modulation.map(codec.encode(bits.to(torch.uint8)))
    y, h, no = channel.apply(x, h, 10.0 ** (-snr_db / 10.0), streams.for_role("noise"))
    outcome = codec.receive(codec.start(BLOCKS), modulation.demap(y, h, no))
    return int((~outcome.crc_ok).sum())


@pytest.mark.parametrize("channel", [Awgn(), Rician(), Rayleigh("block")])
def test_the_same_statistics_every_time(channel: Channel) -> None:
    first, again = (SnrStatistics.measure(channel, 300, 0.5) for _ in range(2))
    for a, b in zip(first.information("16qam", 0.3), again.information("16qam", 0.3), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_use_in_a_dead_fade_carries_nothing() -> None:
    mean, _ = SnrStatistics(np.array([[0.0, 1e9]])).information("qpsk", 0.0)
    assert mean == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("snr", [np.ones(3), np.ones((0, 3)), np.full((1, 1), -1.0)])
def test_bad_input_is_one_line(snr: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"must be \[bursts, uses\] and >= 0"):
        SnrStatistics(snr)
