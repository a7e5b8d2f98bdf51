"""Modulation: the labels of TS 38.211, exact LLRs, and uncoded error rates in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import beta
from sionna_blocks import sionna_on_the_cpu

from phy.modulation import BITS_PER_SYMBOL, Modulation

NAMES = list(BITS_PER_SYMBOL)
QAM = {"qpsk": 2, "16qam": 4, "64qam": 6}


def _labels(name: str) -> np.ndarray:
    order = BITS_PER_SYMBOL[name]
    return np.array([[n >> (order - 1 - i) & 1 for i in range(order)] for n in range(2**order)])


def _standard(name: str) -> np.ndarray:
    """The formulas of TS 38.211 clauses 5.1.2 to 5.1.5, letter by letter."""
    b = 1 - 2 * _labels(name).T
    if name == "bpsk":
        return (b[0] + 1j * b[0]) / math.sqrt(2)
    if name == "qpsk":
        return (b[0] + 1j * b[1]) / math.sqrt(2)
    if name == "16qam":
        return (b[0] * (2 - b[2]) + 1j * b[1] * (2 - b[3])) / math.sqrt(10)
    return (b[0] * (4 - b[2] * (2 - b[4])) + 1j * b[1] * (4 - b[3] * (2 - b[5]))) / math.sqrt(42)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_the_standard(name: str) -> None:
    points = Modulation(name).points().numpy()
    np.testing.assert_allclose(points, _standard(name), atol=1e-6)
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1.0)


@pytest.mark.parametrize(("name", "order"), QAM.items())
def test_same_symbols_and_llrs_as_sionna(name: str, order: int) -> None:
    mapping = sionna_on_the_cpu("mapping")
    generator = torch.Generator().manual_seed(order)
    bits = torch.randint(0, 2, (3, 40 * order), generator=generator)
    constellation = mapping.Constellation("qam", order)
    x = Modulation(name).map(bits)
    torch.testing.assert_close(mapping.Mapper(constellation=constellation)(bits.float()), x)
    y = x + 0.4 * torch.randn(x.shape, generator=generator, dtype=torch.complex64)
    for method, max_log in (("app", False), ("maxlog", True)):
        demapper = mapping.Demapper(method, constellation=constellation)
        expected = -demapper(y, torch.full((3, 1), 0.16))
        ours = Modulation(name).demap(y, torch.ones(1, 1), 0.16, max_log)
        torch.testing.assert_close(ours, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_llrs_are_posterior_log_ratios(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    y, h = (torch.randn(2, 30, generator=generator, dtype=torch.complex64) for _ in range(2))
    no = torch.tensor([[0.2], [1.5]])
    points = torch.from_numpy(_standard(name)).to(torch.complex128)
    labels = torch.from_numpy(_labels(name)).bool()
    metric = -((y[..., None] - h[..., None] * points).abs() ** 2) / no[..., None]
    expected = torch.stack(
        [
            torch.logsumexp(metric[..., ~labels[:, i]], -1)
            - torch.logsumexp(metric[..., labels[:, i]], -1)
            for i in range(labels.shape[1])
        ],
        dim=-1,
    ).flatten(1)
    ours = Modulation(name).demap(y, h, no)
    torch.testing.assert_close(ours.double(), expected, atol=1e-3, rtol=1e-4)


def _q(x: float) -> float:
    return 0.5 * math.erfc(x / math.sqrt(2))


def _bpsk_awgn(snr: float) -> float:
    return _q(math.sqrt(2 * snr))


def _16qam_awgn(snr: float) -> float:
    # Mean of the two bits of an axis with amplitudes 1, 3 and noise sqrt(5 / snr).
    t = math.sqrt(snr / 5)
    return 0.25 * (3 * _q(t) + 2 * _q(3 * t) - _q(5 * t))


def _over_rician(awgn: Callable[[float], float], k_factor: float) -> Callable[[float], float]:
    """Average over |h|^2, by Craig's form: each Q of sqrt(2 g) has a known average."""

    def mean_q(g: float) -> float:
        # mean of Q(sqrt(2 g |h|^2)) = 1/pi int_0^(pi/2) M(-g / sin^2) d theta
        theta = (np.arange(20000) + 0.5) * (math.pi / 2) / 20000
        s = g / np.sin(theta) ** 2
        moment = (1 + k_factor) / (1 + k_factor + s) * np.exp(-k_factor * s / (1 + k_factor + s))
        return float(moment.mean() / 2)

    def average(snr: float) -> float:
        if awgn is _bpsk_awgn:
            return mean_q(snr)
        g = snr / 10
        return 0.25 * (3 * mean_q(g) + 2 * mean_q(9 * g) - mean_q(25 * g))

    return average


@pytest.mark.parametrize(
    ("name", "snr_db", "awgn", "published"),
    [
        ("bpsk", 5.0, _bpsk_awgn, (5.954e-3, 6.418e-2, 4.242e-2)),
        ("16qam", 10.0, _16qam_awgn, (5.899e-2, 1.202e-1, 9.777e-2)),
    ],
)
@pytest.mark.parametrize("channel", [0, 1, 2], ids=["awgn", "rayleigh", "rician"])
def test_uncoded_bit_error_rate(
    name: str,
    snr_db: float,
    awgn: Callable[[float], float],
    published: tuple[float, ...],
    channel: int,
) -> None:
    """Within the exact binomial interval (one false alarm in 10^4) of the closed form."""
    snr = 10 ** (snr_db / 10)
    laws = [awgn, _over_rician(awgn, 0.0), _over_rician(awgn, 2.0)]
    expected = laws[channel](snr)
    assert expected == pytest.approx(published[channel], rel=1e-3)
    generator = torch.Generator().manual_seed(channel)
    modulation, uses = Modulation(name), 100_000
    bits = torch.randint(0, 2, (1, uses * modulation.bits_per_symbol), generator=generator)
    noise, diffuse = (
        torch.randn(1, uses, generator=generator, dtype=torch.complex64) for _ in range(2)
    )
    k_factor = [math.inf, 0.0, 2.0][channel]
    h = (
        torch.ones(1, 1)
        if channel == 0
        else (math.sqrt(k_factor) + diffuse) / math.sqrt(k_factor + 1)
    )
    y = h * modulation.map(bits) + noise / math.sqrt(snr)
    # In fading the bits of a use share its gain: count one bit of each use, over all positions.
    wrong = ((modulation.demap(y, h, 1 / snr) < 0) != bits.bool()).reshape(
        uses, modulation.bits_per_symbol
    )
    position = torch.arange(uses) % modulation.bits_per_symbol
    errors = int(wrong[torch.arange(uses), position].sum())
    low, high = beta.ppf([5e-5, 1 - 5e-5], [errors, errors + 1], [uses - errors + 1, uses - errors])
    assert low <= expected <= high


def test_a_dead_use_says_nothing() -> None:
    zero = torch.zeros(1, 3, dtype=torch.complex64)
    assert not Modulation("16qam").demap(zero, zero, 0.1).any()


def test_refusals() -> None:
    with pytest.raises(ValueError, match="did you mean '16qam'"):
        Modulation("16-qam")
    with pytest.raises(ValueError, match="multiple of 4"):
        Modulation("16qam").map(torch.zeros(1, 6))
    y = torch.zeros(4, 4, dtype=torch.complex64)
    with pytest.raises(ValueError, match="must be > 0"):
        Modulation("bpsk").demap(y, y, 0.0)
    with pytest.raises(ValueError, match="2 axes"):
        Modulation("bpsk").demap(y, y, torch.ones(4))


@pytest.mark.parametrize("max_log", [False, True])
@pytest.mark.parametrize("fading", ["complex", "block", "real"])
@pytest.mark.parametrize("name", NAMES)
def test_llrs_do_not_depend_on_the_batch_size(name: str, fading: str, max_log: bool) -> None:
    """Down to the last bit: torch rounds some functions differently at the end of an array."""
    generator = torch.Generator().manual_seed(0)
    uses = 13
    y = 3 * torch.randn(400, uses, dtype=torch.complex64, generator=generator)
    kind = torch.float32 if fading == "real" else torch.complex64
    h = torch.randn(400, 1 if fading == "block" else uses, dtype=kind, generator=generator)
    no = torch.full((400, 1), 0.3)
    demap = Modulation(name).demap
    whole = demap(y, h, no, max_log)
    for batch in (1, 3, 64):
        rows = torch.arange(400).split(batch)
        alone = torch.cat([demap(y[r], h[r], no[r], max_log) for r in rows])
        assert torch.equal(alone, whole), batch
