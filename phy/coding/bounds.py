"""What no code can do: capacity, the normal approximation, and blocks that cannot be decoded.

Rates and SNRs are per complex channel use; information is in bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chndtrix, ndtr

from phy.coding.rate_matching import Llrs
from phy.modulation import Modulation

#: A block is given up when its chance of being decoded is under this.
GIVE_UP_BELOW = 1e-6

_Floats = NDArray[np.float64]


def bicm_information(snr: float, modulation: str, nodes: int = 96) -> tuple[float, float]:
    """Mean and variance of the information that one use carries over AWGN, with independent bits.

    Bit-interleaved coded modulation: each bit is a channel of its own, with the LLRs of
    `Modulation.demap`; the mean is the BICM capacity, the variance its dispersion. For BPSK and
    QPSK this is the constellation's capacity itself.

    Args:
        snr: Es/N0 per complex use, linear, > 0.
        modulation: As in `Modulation`.
        nodes: Points of the Gauss-Hermite rule.

    Returns:
        (bits per use, bits^2 per use).

    Source: Caire, Taricco, Biglieri, Bit-interleaved coded modulation, 1998.

    >>> round(bicm_information(10 ** 0.0377, "bpsk")[0], 3)
    0.75
    """
    if not snr > 0:
        raise ValueError(f"snr = {snr} is not allowed, it must be > 0 (linear, not dB)")
    bits = Modulation(modulation).bits_per_symbol
    amplitudes = Modulation(modulation).amplitudes().double().numpy()
    # On one axis: amplitude a, noise variance no/2; BPSK has both axes for its one bit.
    axes, gain = (1, 2.0 * snr) if bits == 1 else (2, snr)
    roots, weights = _gauss_hermite(nodes)
    y = amplitudes[:, None] + roots / math.sqrt(2.0 * gain)
    metrics = -gain * (y[..., None] - amplitudes) ** 2
    labels = np.arange(len(amplitudes))
    density = np.zeros_like(y)
    for bit in range(len(amplitudes).bit_length() - 1):
        same = (labels[:, None] >> bit & 1) == (labels >> bit & 1)
        right = np.logaddexp.reduce(np.where(same[:, None], metrics, -np.inf), axis=-1)
        density += 1.0 + (right - np.logaddexp.reduce(metrics, axis=-1)) / math.log(2.0)
    mean = float((density @ weights).mean())
    variance = float(((density - mean) ** 2 @ weights).mean())
    return axes * mean, axes * variance


@lru_cache(maxsize=8)
def _gauss_hermite(nodes: int) -> tuple[_Floats, _Floats]:
    """Points and weights of the mean over N(0, 1), kept: they take longer than their use."""
    roots, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return roots, weights / weights.sum()


def faded_information(
    snr: float, modulation: str, k_factor: float = 2.0, nodes: int = 64
) -> tuple[float, float]:
    """`bicm_information` averaged over a Rician gain that changes with every use.

    The variance has both parts: of the noise, and of the gain.

    Args:
        snr: Mean Es/N0, linear.
        modulation: As in `Modulation`.
        k_factor: Rician K, 0 for Rayleigh.
        nodes: Quantiles of |h|^2 to average over.

    >>> round(faded_information(10 ** 0.37, "bpsk", 0.0)[0], 2)
    0.75
    """
    # |h|^2 2 (K + 1) is noncentral chi-squared with two degrees of freedom, noncentrality 2 K.
    points, weights = np.polynomial.legendre.leggauss(nodes)
    gains = chndtrix((points + 1.0) / 2.0, 2, 2.0 * k_factor) / (2.0 * (k_factor + 1.0))
    rows = np.array([bicm_information(float(snr * g), modulation) for g in gains])
    mean = float(weights @ rows[:, 0] / 2.0)
    return mean, float(weights @ (rows[:, 1] + (rows[:, 0] - mean) ** 2) / 2.0)


def gaussian_limit_db(bits_per_use: float, transmissions: int = 1) -> float:
    """SNR in dB under which no scheme at all can send this many bits per use.

    With several transmissions of equal length, each bit has that many times the uses.

    >>> [round(gaussian_limit_db(3.0, n), 2) for n in (1, 2, 3, 4)]
    [8.45, 2.62, 0.0, -1.66]
    """
    return 10.0 * math.log10(2.0 ** (bits_per_use / transmissions) - 1.0)


def normal_approximation(uses: float, bits: float, mean: float, variance: float) -> float:
    """Block error rate of the best code of this length.

    Q((n I - k + log2(n) / 2) / sqrt(n V)).

    Args:
        uses: Channel uses n.
        bits: Information bits k.
        mean: I, bits per use.
        variance: V, bits^2 per use.

    Source: Polyanskiy, Poor, Verdu, Channel coding rate in the finite blocklength regime, 2010.

    >>> normal_approximation(100, 50 + math.log2(100) / 2, 0.5, 1.0)
    0.5
    """
    return float(normal_approximations(uses, bits, np.asarray(mean), np.asarray(variance)))


def normal_approximations(uses: float, bits: float, mean: _Floats, variance: _Floats) -> _Floats:
    """`normal_approximation` over many channels at once; `mean` and `variance` have one shape."""
    margin = uses * mean - bits + 0.5 * math.log2(uses)
    # Far above the capacity of the constellation the variance vanishes.
    error_rate: _Floats = ndtr(-margin / np.sqrt(np.maximum(uses * variance, 1e-30)))
    return error_rate


def required_snr_db(curve: Callable[[float], float], target: float) -> float:
    """The SNR in dB, from -20 to 40, where a curve over the linear SNR crosses `target`.

    Raises:
        ValueError: When it does not cross there.

    >>> round(required_snr_db(lambda snr: bicm_information(snr, "16qam")[0], 3.0), 2)
    9.31
    """
    find_root: Any = brentq  # Without types of its own.
    return float(find_root(lambda db: curve(10.0 ** (db / 10.0)) - target, -20.0, 40.0, xtol=1e-4))


def cannot_decode(llr: Llrs, k: int, below: float = GIVE_UP_BELOW) -> NDArray[np.bool_]:
    """Which blocks no decoder can decode, whatever it does with these LLRs.

    Given the magnitudes |L|, bit i is wrong with probability p_i = 1 / (1 + exp |L_i|),
    independently; a linear code with k information bits tells 2^(n - k) error patterns apart, and
    the sum of that many probabilities is, for every s > 0 (Hoelder, as in Arimoto's converse),

        P(right | |L|) <= prod_i [2^s ((1 - p_i)^(1+s) + p_i^(1+s))]^(1/(1+s)) 2^(-s k / (1+s)).

    A bit that was not received has p = 1/2 and drops out. The block is given up when this bound is
    under `below`. Magnitudes are rounded up, which only raises the bound. It takes LLRs to be true
    and bits independent: exact for BPSK and QPSK, and with an interleaver very nearly for the rest.

    Args:
        llr: [blocks, n_mother] soft buffer.
        k: Information bits without fillers.
        below: Chance of being wrong about a block.

    Returns:
        [blocks].

    Source: Arimoto, On the converse to the coding theorem for discrete memoryless channels, 1973.

    >>> cannot_decode(np.full((1, 1000), 1.0, np.float32), 400)
    array([ True])
    >>> cannot_decode(np.full((1, 1000), 4.0, np.float32), 400)
    array([False])
    """
    exponents, tables = _converse_tables()
    result = np.zeros(len(llr), np.bool_)
    for block in range(len(llr)):
        counts = _histogram(llr[block], _BINS, _PER_UNIT)
        bounds = tables @ counts - exponents / (1.0 + exponents) * k * math.log(2.0)
        result[block] = bounds.min() < math.log(below)
    return result


#: Magnitudes are sorted into bins of 1/16, and from 32 on taken as certain.
_PER_UNIT, _BINS = 16, 512


@lru_cache(maxsize=1)
def _converse_tables() -> tuple[_Floats, _Floats]:
    """The values of s, and the logarithm of one bit's factor by s and bin."""
    s = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0])
    edge = np.arange(1, _BINS + 1) / _PER_UNIT
    p = 1.0 / (1.0 + np.exp(edge))
    p[-1] = 0.0
    power = 1.0 + s[:, None]
    factor = s[:, None] * math.log(2.0) + np.log((1.0 - p) ** power + p**power)
    return s, factor / power


@njit(cache=True)
def _histogram(
    llr: Llrs, bins: int, per_unit: int
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """How many received LLRs have each magnitude; fillers (inf) and zeros do not count."""
    counts = np.zeros(bins, np.int64)
    for value in llr:
        magnitude = abs(value)
        if 0.0 < magnitude < np.inf:
            counts[min(int(min(magnitude, np.float32(1e6)) * per_unit), bins - 1)] += 1
    return counts
