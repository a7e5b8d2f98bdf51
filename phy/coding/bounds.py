"""Limits of channel coding: capacity, the normal approximation, and a converse for single blocks.

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
from scipy.special import chndtrix, ndtr

from phy.coding.rate_matching import Llrs
from phy.kernels.compiled import no_type_check
from phy.modulation import Modulation

#: A block is not decoded when its probability of correct decoding is below this.
GIVE_UP_BELOW = 1e-6

_Floats = NDArray[np.float64]


def bicm_information(snr: float, modulation: str, nodes: int = 96) -> tuple[float, float]:
    """Returns mean and variance of the information per use over AWGN, with independent bits.

    In bit-interleaved coded modulation (BICM) each bit has a channel of its own, with the LLRs of
    `Modulation.demap`. The mean is the BICM capacity and the variance its dispersion. For BPSK and
    QPSK this is the capacity of the constellation.

    Source: Caire, Taricco and Biglieri, "Bit-interleaved coded modulation", IEEE Trans. Inf. Theory
    44(3), 1998.

    Args:
        snr: Es/N0 per complex use, linear, > 0.
        modulation: Name of the constellation, see `Modulation`.
        nodes: Number of nodes of the Gauss-Hermite quadrature.

    Returns:
        Mean in bits per use and variance in bits^2 per use.

    Raises:
        ValueError: When the SNR is not positive.

    >>> round(bicm_information(10 ** 0.0377, "bpsk")[0], 3)
    0.75
    """
    if not snr > 0:
        raise ValueError(f"snr = {snr} is not allowed, it must be > 0 (linear, not dB)")
    bits = Modulation(modulation).bits_per_symbol
    amplitudes = Modulation(modulation).amplitudes().double().numpy()
    # One axis has amplitude a and noise variance no/2; BPSK uses both axes for its bit.
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
    """Returns nodes and weights of the mean over N(0, 1)."""
    roots, weights = np.polynomial.hermite_e.hermegauss(nodes)
    return roots, weights / weights.sum()


def faded_information(
    snr: float, modulation: str, k_factor: float = 2.0, nodes: int = 64
) -> tuple[float, float]:
    """Returns `bicm_information` averaged over a Rician gain that is independent in every use.

    The variance has two parts, one of the noise and one of the gain.

    Args:
        snr: Mean Es/N0, linear.
        modulation: Name of the constellation, see `Modulation`.
        k_factor: Rician factor K, 0 for Rayleigh fading.
        nodes: Number of nodes of the quadrature over |h|^2.

    Returns:
        Mean in bits per use and variance in bits^2 per use.

    >>> round(faded_information(10 ** 0.37, "bpsk", 0.0)[0], 2)
    0.75
    """
    # 2 (K + 1) |h|^2 is noncentral chi-squared with two degrees of freedom, noncentrality 2 K.
    points, weights = np.polynomial.legendre.leggauss(nodes)
    gains = chndtrix((points + 1.0) / 2.0, 2, 2.0 * k_factor) / (2.0 * (k_factor + 1.0))
    rows = np.array([bicm_information(float(snr * g), modulation) for g in gains])
    mean = float(weights @ rows[:, 0] / 2.0)
    return mean, float(weights @ (rows[:, 1] + (rows[:, 0] - mean) ** 2) / 2.0)


def gaussian_limit_db(bits_per_use: float, transmissions: int = 1) -> float:
    """Returns the SNR in dB at which the AWGN capacity equals a rate.

    Several transmissions of equal length divide the rate by their number.

    Args:
        bits_per_use: Rate of the first transmission in bits per channel use.
        transmissions: Number of transmissions.

    >>> [round(gaussian_limit_db(3.0, n), 2) for n in (1, 2, 3, 4)]
    [8.45, 2.62, 0.0, -1.66]
    """
    return 10.0 * math.log10(2.0 ** (bits_per_use / transmissions) - 1.0)


def normal_approximation(uses: float, bits: float, mean: float, variance: float) -> float:
    """Returns the normal approximation to the block error rate of the best code of a length.

        Q((n I - k + log2(n) / 2) / sqrt(n V))

    Source: Polyanskiy, Poor and Verdu, "Channel coding rate in the finite blocklength regime",
    IEEE Trans. Inf. Theory 56(5), 2010.

    Args:
        uses: Channel uses n.
        bits: Information bits k.
        mean: Mean information I in bits per use.
        variance: Dispersion V in bits^2 per use.

    >>> normal_approximation(100, 50 + math.log2(100) / 2, 0.5, 1.0)
    0.5
    """
    return float(normal_approximations(uses, bits, np.asarray(mean), np.asarray(variance)))


def normal_approximations(uses: float, bits: float, mean: _Floats, variance: _Floats) -> _Floats:
    """Returns `normal_approximation` for many channels.

    Args:
        uses: Channel uses n.
        bits: Information bits k.
        mean: [...] mean information I in bits per use.
        variance: [...] dispersion V in bits^2 per use.

    Returns:
        [...] block error rates.

    >>> normal_approximations(100, 50, np.array([0.4, 0.6]), np.ones(2)).round(3)
    array([0.748, 0.091])
    """
    margin = uses * mean - bits + 0.5 * math.log2(uses)
    # At high SNR the variance vanishes.
    return np.asarray(ndtr(-margin / np.sqrt(np.maximum(uses * variance, 1e-30))))


def required_snr_db(curve: Callable[[float], float], target: float) -> float:
    """Returns the SNR in dB, from -20 to 40, at which a function of the SNR reaches a target.

    Args:
        curve: Monotonic function of the linear SNR.
        target: Value to reach.

    Raises:
        ValueError: When the function does not reach the target in this range.

    >>> round(required_snr_db(lambda snr: bicm_information(snr, "16qam")[0], 3.0), 2)
    9.31
    """
    from scipy.optimize import brentq  # takes 0.2 s, and few runs need it

    find_root: Any = brentq  # scipy.optimize has no types.
    return float(find_root(lambda db: curve(10.0 ** (db / 10.0)) - target, -20.0, 40.0, xtol=1e-4))


def cannot_decode(llr: Llrs, k: int, below: float = GIVE_UP_BELOW) -> NDArray[np.bool_]:
    """Returns which blocks no decoder can decode from these LLRs.

    Given the magnitudes |L|, bit i is in error with probability p_i = 1 / (1 + exp |L_i|),
    independently. A linear code with k information bits distinguishes 2^(n - k) error patterns. By
    the inequality of Hoelder, the sum of that many probabilities satisfies for every s > 0

        P(correct | |L|) <= prod_i [2^s ((1 - p_i)^(1+s) + p_i^(1+s))]^(1/(1+s)) 2^(-s k / (1+s)).

    A bit that was not received has p = 1/2 and the factor 1. A block is undecodable when the bound
    is smaller than `below`. Magnitudes are rounded up, which only increases the bound. The bound
    assumes true LLRs and independent bits; this is exact for BPSK and QPSK, and very nearly true
    for the other constellations with an interleaver.

    Source: Arimoto, "On the converse to the coding theorem for discrete memoryless channels", IEEE
    Trans. Inf. Theory 19(3), 1973.

    Args:
        llr: [blocks, n_mother] soft buffer.
        k: Number of information bits without fillers.
        below: Largest probability of correct decoding of an undecodable block.

    Returns:
        [blocks] bool.

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


#: Bins per unit of magnitude, and number of bins; magnitudes of 32 and more are taken as certain.
_PER_UNIT, _BINS = 16, 512


@lru_cache(maxsize=1)
def _converse_tables() -> tuple[_Floats, _Floats]:
    """Returns the values of s, and the logarithm of the factor of one bit by s and bin."""
    s = np.array([0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0, 2.0])
    edge = np.arange(1, _BINS + 1) / _PER_UNIT
    p = 1.0 / (1.0 + np.exp(edge))
    p[-1] = 0.0
    power = 1.0 + s[:, None]
    factor = s[:, None] * math.log(2.0) + np.log((1.0 - p) ** power + p**power)
    return s, factor / power


@njit(cache=True)
@no_type_check
def _histogram(
    llr: Llrs, bins: int, per_unit: int
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Returns the histogram of the magnitudes of received LLRs, without fillers and zeros."""
    counts = np.zeros(bins, np.int64)
    for value in llr:
        magnitude = abs(value)
        if 0.0 < magnitude < np.inf:
            counts[min(int(min(magnitude, np.float32(1e6)) * per_unit), bins - 1)] += 1
    return counts
