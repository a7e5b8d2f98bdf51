"""Short codes: prefixes are codes, decoding is exact, error rates meet the normal approximation."""

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

from phy.channels.fading import Awgn
from phy.coding.bounds import bicm_information, normal_approximation
from phy.coding.polar_code import PolarCode
from phy.coding.short_code import ShortCode, generator_columns, parity
from phy.modulation import Modulation
from phy.streams import Streams


def words(bits: int, length: int) -> torch.Tensor:
    return ShortCode(bits).encode(torch.arange(2**bits), 0, length)


def through_awgn(coded: torch.Tensor, snr_db: float) -> torch.Tensor:
    streams, qpsk = Streams(0, "short codes", np.arange(len(coded))), Modulation("qpsk")
    x = qpsk.map(coded)
    h, _ = Awgn().draw(streams.for_role("fading"), x.shape[1], None)
    received = Awgn().apply(x, h, 10 ** (-snr_db / 10), streams.for_role("noise"))
    return qpsk.demap(*received)


def test_parity_counts_ones() -> None:
    numbers = np.arange(2**14)
    assert (parity(torch.from_numpy(numbers)).numpy() == np.bitwise_count(numbers) % 2).all()


@pytest.mark.parametrize("bits", [1, 4, 7])
def test_code_words_are_those_of_the_generator(bits: int) -> None:
    columns = generator_columns(bits, 20)
    digits = (np.arange(2**bits)[:, None] >> np.arange(bits)) & 1
    generator = (columns >> np.arange(bits)[:, None]) & 1
    assert (words(bits, 20).numpy() == digits @ generator % 2).all()


def test_prefixes_of_long_codes_are_the_short_codes() -> None:
    assert np.array_equal(generator_columns(6, 50)[:30], generator_columns(6, 30))
    message = torch.arange(64)
    parts = [ShortCode(6).encode(message, *part) for part in ((0, 13), (13, 17))]
    assert torch.equal(torch.cat(parts, 1), words(6, 30))


@pytest.mark.parametrize(
    ("bits", "length", "best"),
    # Least distances of the best linear codes (Brouwer's tables).
    [(3, 7, 4), (4, 8, 4), (4, 15, 8), (5, 16, 8), (6, 24, 10), (8, 24, 8)],
)
def test_least_distance_is_nearly_the_largest_possible(bits: int, length: int, best: int) -> None:
    spectrum = np.bincount(words(bits, length).sum(1).numpy())
    assert spectrum.sum() == 2**bits
    assert spectrum[0] == 1
    assert best - 1 <= int(np.flatnonzero(spectrum)[1]) <= best


def test_posteriors_are_those_of_bayes() -> None:
    llr = torch.randn(3, 9, generator=torch.Generator().manual_seed(0))
    prior = torch.linspace(-1, 1, 16).log_softmax(0)
    # ln p(bit) of each coded bit: sigmoid of the LLR for 0, of its negative for 1.
    logs = torch.where(words(4, 9) == 0, 1, -1) * llr[:, None]
    expected = (torch.nn.functional.logsigmoid(logs).sum(2) + prior).softmax(1)
    torch.testing.assert_close(ShortCode(4).posterior(llr, prior), expected)


@pytest.mark.parametrize(("bits", "uses", "snr_db"), [(6, 12, -1.0), (10, 30, -3.0)])
def test_error_rate_meets_the_normal_approximation(bits: int, uses: int, snr_db: float) -> None:
    blocks = 1500
    message = torch.randint(0, 2**bits, (blocks,), generator=torch.Generator().manual_seed(1))
    llr = through_awgn(ShortCode(bits).encode(message, 0, 2 * uses), snr_db)
    wrong = int((ShortCode(bits).posterior(llr).argmax(1) != message).sum())
    predicted = normal_approximation(uses, bits, *bicm_information(10 ** (snr_db / 10), "qpsk"))
    assert 0.02 < predicted < 0.3
    assert binomtest(wrong, blocks, 1.15 * predicted, alternative="greater").pvalue > 1e-3


@pytest.mark.parametrize("bits", [0, 15])
def test_sizes_of_short_codes_are_checked(bits: int) -> None:
    with pytest.raises(ValueError, match="1 to 14"):
        ShortCode(bits)


@pytest.mark.parametrize(("bits", "length"), [(12, 40), (33, 80)])
def test_polar_codes_decode_and_detect(bits: int, length: int) -> None:
    code, generator = PolarCode(bits, length), torch.Generator().manual_seed(2)
    payload = torch.randint(0, 2, (64, bits), generator=generator).to(torch.uint8)
    found, ok = code.decode(through_awgn(code.encode(payload), 8.0))
    assert torch.equal(found, payload)
    assert ok.all()
    noise = torch.randn(64, length, generator=generator)
    assert int(code.decode(noise)[1].sum()) <= 20, "a list of 8 and a CRC of 6 bits: 1 in 8"


def test_polar_codes_leave_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    PolarCode(20, 64).decode(torch.ones(1, 64))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(("bits", "length"), [(11, 64), (40, 50), (501, 1000), (20, 1089)])
def test_sizes_of_polar_codes_are_checked(bits: int, length: int) -> None:
    with pytest.raises(ValueError, match="polar code"):
        PolarCode(bits, length)
