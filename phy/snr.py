"""The one place that converts signal-to-noise ratios.

SNR is the average Es/N0 per complex channel use, P / no, with E|h|^2 = 1; `no` is the variance of
the complex noise, no/2 in each of its two real parts.
"""

from __future__ import annotations

import math

#: Average transmit power per complex channel use, in both papers.
POWER = 1.0


def snr_from_db(snr_db: float) -> float:
    """Linear SNR.

    >>> snr_from_db(10.0)
    10.0
    """
    return float(10.0 ** (snr_db / 10.0))


def snr_to_db(snr: float) -> float:
    """SNR in dB.

    >>> snr_to_db(100.0)
    20.0
    """
    return 10.0 * math.log10(snr)


def noise_variance(snr_db: float, power: float = POWER) -> float:
    """no, the variance of the complex noise per channel use, of an average SNR in dB.

    >>> noise_variance(0.0)
    1.0
    """
    return power / snr_from_db(snr_db)


def shannon_bits_per_use(snr: float) -> float:
    """log2(1 + SNR), the capacity of the complex AWGN channel in bits per use.

    >>> shannon_bits_per_use(3.0)
    2.0
    """
    return math.log2(1.0 + snr)
