"""Conversions of signal-to-noise ratios.

The SNR is the average Es/N0 per complex channel use, P / no, with E|h|^2 = 1. `no` is the variance
of the complex noise, no/2 in each of its two real parts.
"""

from __future__ import annotations

import math

#: Average transmit power per complex channel use, in both papers.
POWER = 1.0


def snr_from_db(snr_db: float) -> float:
    """Converts an SNR from dB to linear.

    >>> snr_from_db(10.0)
    10.0
    """
    return float(10.0 ** (snr_db / 10.0))


def noise_variance(snr_db: float, power: float = POWER) -> float:
    """Returns no, the variance of the complex noise per channel use.

    Args:
        snr_db: Average SNR in dB.
        power: Average transmit power P per channel use.

    >>> noise_variance(0.0)
    1.0
    """
    return power / snr_from_db(snr_db)


def shannon_bits_per_use(snr: float) -> float:
    """Returns log2(1 + SNR), the capacity of the complex AWGN channel in bits per channel use.

    Args:
        snr: Linear SNR.

    >>> shannon_bits_per_use(3.0)
    2.0
    """
    return math.log2(1.0 + snr)
