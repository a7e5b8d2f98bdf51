"""Error rates of the whole coded chain against what theory allows, and of the engines."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor

from phy.coding.bounds import (
    bicm_information,
    gaussian_limit_db,
    normal_approximation,
    required_snr_db,
)
from phy.coding.ldpc_decoder import SionnaDecoder
from phy.coding.transport import TransportCodec
from phy.modulation import BITS_PER_SYMBOL, Modulation

RATE = 0.75


def sent_and_received(codec: TransportCodec, blocks: int, snr_db: float) -> tuple[Tensor, Tensor]:
    """Payloads [blocks, bits] and the LLRs of their first transmission over AWGN."""
    generator = torch.Generator().manual_seed(11)
    bits = torch.randint(0, 2, (blocks, codec.payload_bits), generator=generator).to(torch.uint8)
    modulation = Modulation(codec.modulation)
    x, no = modulation.map(codec.encode(bits)), 10.0 ** (-snr_db / 10.0)
    noise = torch.randn(x.shape, generator=generator, dtype=torch.complex64)
    return bits, modulation.demap(x + no**0.5 * noise, torch.ones(1, 1), no)


def codec_of(n: int, modulation: str, **options: object) -> TransportCodec:
    """One code block of n coded bits."""
    k = int(RATE * n)
    crc = 24 if k > 3824 else 16
    codec = TransportCodec(k - crc, RATE, modulation, **options)  # type: ignore[arg-type]
    assert (codec.code.k, codec.coded_bits) == (k, n)
    return codec


@pytest.mark.integration
@pytest.mark.parametrize("modulation", ["bpsk", "16qam"])
@pytest.mark.parametrize(("n", "blocks"), [(8000, 300), (1408, 600)])
def test_a_percent_within_three_quarters_of_a_db_of_the_best_code(
    n: int, blocks: int, modulation: str
) -> None:
    codec, uses = codec_of(n, modulation), n / BITS_PER_SYMBOL[modulation]
    best_db = required_snr_db(
        lambda snr: -normal_approximation(uses, codec.code.k, *bicm_information(snr, modulation)),
        -1e-2,
    )

    def wrong(snr_db: float) -> int:
        bits, llr = sent_and_received(codec, blocks, snr_db)
        outcome = codec.receive(codec.start(blocks), llr)
        right = (outcome.bits == bits).all(1)
        assert torch.equal(right, outcome.crc_ok), "the CRC knows"
        return int((~right).sum())

    assert binomtest(wrong(best_db + 0.75), blocks, 0.01, "greater").pvalue > 1e-3
    # No code is better than the best one: the chain is not given what it should find out.
    assert binomtest(wrong(best_db), blocks, 0.01, "less").pvalue > 1e-3
    assert wrong(best_db) > blocks // 4


@pytest.mark.parametrize("modulation", ["bpsk", "16qam"])
def test_no_block_arrives_under_capacity(modulation: str) -> None:
    codec = codec_of(8000, modulation, give_up=False)
    limit_db = gaussian_limit_db(RATE * BITS_PER_SYMBOL[modulation])
    _, llr = sent_and_received(codec, 40, limit_db - 0.3)
    assert not codec.receive(codec.start(40), llr).crc_ok.any()


def test_the_engines_decide_alike() -> None:
    """Both on the same LLRs from hopeless to clear: what either takes for right is the same."""
    numba = codec_of(1408, "qpsk", iterations=20)
    sionna = codec_of(1408, "qpsk", iterations=20, decoder=SionnaDecoder())
    blocks, differ = 24, []
    for above_db in (-2.0, 0.5, 1.0, 2.0, 4.0):
        snr_db = gaussian_limit_db(2.0 * RATE) + above_db + 0.7
        bits, llr = sent_and_received(numba, blocks, snr_db)
        ours, theirs = (c.receive(c.start(blocks), llr) for c in (numba, sionna))
        for outcome in (ours, theirs):
            assert torch.equal(outcome.bits[outcome.crc_ok], bits[outcome.crc_ok])
        differ.append(int((ours.crc_ok != theirs.crc_ok).sum()))
        if above_db in (-2.0, 2.0, 4.0):
            assert ours.crc_ok.all() if above_db > 0 else not ours.crc_ok.any()
    # Off the cliff they agree on every block, on it on nearly all.
    assert differ[0] == differ[3] == differ[4] == 0
    assert sum(differ) <= blocks // 3


@pytest.mark.parametrize("copies", [2, 4])
def test_chase_combining_is_one_transmission_with_more_energy(copies: int) -> None:
    """L copies at SNR / L give the LLRs' distribution of one at SNR: equal error rates."""
    blocks, once_db = 150, 1.3 - 0.35
    codec = codec_of(1408, "bpsk", combining="chase")
    _, llr = sent_and_received(codec, blocks, once_db)
    once = int((~codec.receive(codec.start(blocks), llr).crc_ok).sum())
    generator = torch.Generator().manual_seed(12)
    bits = torch.randint(0, 2, (blocks, codec.payload_bits), generator=generator).to(torch.uint8)
    no = 10.0 ** (-(once_db - 10.0 * math.log10(copies)) / 10.0)
    modulation, buffer = Modulation("bpsk"), codec.start(blocks)
    for j in range(copies):
        x = modulation.map(codec.encode(bits, j))
        noise = torch.randn(x.shape, generator=generator, dtype=torch.complex64)
        llr = modulation.demap(x + no**0.5 * noise, torch.ones(1, 1), no)
        buffer = codec.receive(buffer, llr, j).buffer
    combined = int((~buffer.block_ok[:, 0]).sum())
    spread = math.sqrt(2.0 * blocks * 0.25)
    assert abs(combined - once) < 3.3 * spread
    assert 0.05 * blocks < once < 0.95 * blocks


def test_every_rate_works_between_its_limits() -> None:
    """Rates from 1/5 to 0.92: all blocks arrive 1.7 dB above capacity and none 0.2 dB below."""
    for rate in (0.2, 1 / 3, 0.5, 0.75, 0.92):
        codec = TransportCodec(4000, rate, "qpsk", give_up=False)
        limit_db = required_snr_db(lambda snr: bicm_information(snr, "qpsk")[0], 2.0 * rate)
        for above_db, arrives in ((1.7, True), (-0.2, False)):
            _, llr = sent_and_received(codec, 12, limit_db + above_db)
            acks = codec.receive(codec.start(12), llr).crc_ok.numpy()
            assert np.all(acks == arrives), (rate, above_db)
