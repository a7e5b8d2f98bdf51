"""Prediction of block error rates from the long-term statistics of a channel.

    channel law -> SNR of each use of many bursts -> mean and variance of the information per burst
                -> normal approximation with an implementation margin -> block error rate

With fast fading every burst has nearly the same information. With block fading the information
differs from burst to burst, and the mean of the block error rates is the outage probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Complex
from numpy.typing import NDArray
from torch import Tensor

from phy.channel import Channel, Fading, gains
from phy.coding.bounds import bicm_information, normal_approximations
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from phy.streams import Streams

#: Implementation margin in dB by code rate: the gap of the coded chain to the normal approximation
#: at a block error rate of 10 %, the larger of the gaps over AWGN and over fast Rician fading that
#: benchmarks/mcs_margin.py measures (docs/conventional.md). Low rates repeat the bits of a short
#: code; high rates suffer from deep fades.
_MARGIN_RATES = (0.03, 0.075, 0.12, 0.2, 0.3, 0.5, 0.8, 0.926)
_MARGINS_DB = (1.7, 1.4, 1.25, 1.0, 0.9, 0.8, 0.8, 1.4)
#: Channel uses to draw, longest burst, and limits of the number of bursts. A longer burst is
#: assumed to vary as much as one of the longest length, which overestimates the error rate.
_SAMPLES, _MAX_USES, _MIN_BURSTS, _MAX_BURSTS = 2**19, 2**13, 64, 4096
#: Seed and point of these draws, which are independent of the fading of any image.
_SEED, _POINT = 0, "channel statistics"
#: Grid in dB on which the information of a use is tabulated; linear interpolation between points.
_STEP_DB = 0.5
_GRID_DB: NDArray[np.float64] = np.arange(-40.0, 45.5, _STEP_DB)

_Floats = NDArray[np.float64]


class SnrStatistics:
    """Long-term statistics of the SNR at the receiver: a histogram over dB for each burst.

    Args:
        snr: [bursts, uses] linear SNR |h|^2 / no of each channel use, or [bursts, 1] when the gain
            is constant within a burst.

    Raises:
        ValueError: When the shape is another, or an SNR is negative or not a number.

    >>> mean, _ = SnrStatistics(np.array([[0.0, 1e9]])).information("qpsk", 0.0)
    >>> round(float(mean[0]), 3)  # one use of two carries 2 bits
    1.0
    """

    def __init__(self, snr: NDArray[np.floating]) -> None:
        if snr.ndim != 2 or not snr.size or not bool((snr >= 0).all()):
            raise ValueError(f"SNRs have shape {snr.shape}, they must be [bursts, uses] and >= 0")
        last = len(_GRID_DB) - 1
        with np.errstate(divide="ignore"):
            place = (10.0 * np.log10(snr.astype(np.float64)) - _GRID_DB[0]) / _STEP_DB
        place = np.clip(place, 0.0, last)
        lower = np.minimum(place.astype(np.int64), last - 1)
        # Each use is shared between the two nearest grid points: linear interpolation.
        upper_share = place - lower
        index = lower + np.arange(len(snr))[:, None] * len(_GRID_DB)
        cells = len(snr) * len(_GRID_DB)
        counts = np.bincount(index.ravel(), (1.0 - upper_share).ravel(), cells)
        counts += np.bincount(index.ravel() + 1, upper_share.ravel(), cells)
        self._shares: _Floats = counts.reshape(len(snr), -1) / snr.shape[1]

    @classmethod
    def measure(cls, channel: Channel, uses: int, no: float) -> SnrStatistics:
        """Measures the statistics of `FadingSamples`.

        Args:
            channel: Channel; the samples are of its first transmission.
            uses: Channel uses of a burst, at least 1.
            no: Variance of the complex noise at the average SNR that the transmitter knows.

        Returns:
            The statistics, the same for equal arguments.
        """
        return FadingSamples.draw(channel, uses).statistics(no)

    def information(self, modulation: str, margin_db: float) -> tuple[_Floats, _Floats]:
        """Returns mean and variance of the information per use within each burst.

        Args:
            modulation: Name of the constellation, see `Modulation`.
            margin_db: SNR back-off in dB, subtracted from every SNR.

        Returns:
            Mean [bursts] in bits per use and variance [bursts] in bits^2 per use. The variance has
            two parts, one of the noise and one of the gain.
        """
        means, variances = _information_table(modulation)
        means, variances = (
            np.interp(_GRID_DB - margin_db, _GRID_DB, table) for table in (means, variances)
        )
        mean = self._shares @ means
        gain_variance = np.maximum(self._shares @ means**2 - mean**2, 0.0)
        return mean, self._shares @ variances + gain_variance

    def block_error_rate(self, codec: TransportCodec, margin_db: float | None = None) -> float:
        """Returns the predicted error rate of a transport block at its first transmission.

        A transport block is correct when all its code blocks are. Given the burst, code blocks
        fail independently.

        Args:
            codec: Codec with sizes, rate and modulation.
            margin_db: Gap of the decoder to the normal approximation in dB; None for the measured
                implementation margin of the rate.

        >>> awgn = SnrStatistics(np.full((1, 1), 10.0 ** 1.05))
        >>> codec = TransportCodec(payload_bits=5976, rate=0.75, modulation="16qam")
        >>> awgn.block_error_rate(codec) < 0.1 < awgn.block_error_rate(codec, margin_db=1.5)
        True
        """
        if margin_db is None:
            margin_db = implementation_margin_db(codec.rate)
        uses = codec.uses / codec.blocks
        mean, variance = self.information(codec.modulation, margin_db)
        block = normal_approximations(uses, codec.code.k, mean, variance)
        return float(np.mean(-np.expm1(codec.blocks * np.log1p(-np.minimum(block, 1 - 1e-12)))))


@dataclass(frozen=True)
class FadingSamples:
    """Samples of the fading of a channel, the same ones for every SNR.

    Attributes:
        channel: Channel.
        x: [bursts, uses] ones, or [bursts, 1] when the gain is constant within a burst.
        h: Fading from `Channel.draw`.
    """

    channel: Channel
    x: Complex[Tensor, "bursts uses"]
    h: Tensor | Fading

    @classmethod
    def draw(cls, channel: Channel, uses: int) -> FadingSamples:
        """Draws the samples.

        Args:
            channel: Channel; the samples are of its first transmission.
            uses: Channel uses of a burst, at least 1.

        Returns:
            The samples.

        >>> from phy.channels.fading import Rayleigh
        >>> FadingSamples.draw(Rayleigh("block"), 100).x.shape
        torch.Size([4096, 1])
        """
        uses = min(uses, _MAX_USES)
        varies = gains(channel.draw(_streams(1), uses, None)[0]).shape[1] > 1
        bursts = min(max(_SAMPLES // (uses if varies else 1), _MIN_BURSTS), _MAX_BURSTS)
        x = torch.ones(bursts, uses if varies else 1, dtype=torch.complex64)
        h, _ = channel.draw(_streams(bursts).for_role("fading"), x.shape[1], None)
        return cls(channel, x, h)

    def statistics(self, no: float) -> SnrStatistics:
        """Returns the SNR statistics at one noise variance.

        Args:
            no: Variance of the complex noise.

        Returns:
            Statistics of |h|^2 / no with gain and noise variance as the receiver knows them.
        """
        streams = _streams(len(self.x)).for_role("noise")
        _, h, noise = self.channel.apply(self.x, self.h, no, streams)
        return SnrStatistics((h.abs().square() / noise).cpu().numpy())


def implementation_margin_db(rate: float) -> float:
    """Returns the gap of the coded chain to the normal approximation at a BLER of 10 %, in dB.

    Args:
        rate: Code rate of the first transmission.

    >>> round(implementation_margin_db(0.75), 2)
    0.8
    """
    return float(np.interp(rate, _MARGIN_RATES, _MARGINS_DB))


def _streams(bursts: int) -> Streams:
    return Streams(_SEED, _POINT, np.arange(bursts))


@lru_cache(maxsize=8)
def _information_table(modulation: str) -> tuple[_Floats, _Floats]:
    """Returns `bicm_information` on the grid, which covers all SNRs where it changes."""
    rows = [bicm_information(10.0 ** (db / 10.0), modulation) for db in _GRID_DB.tolist()]
    means, variances = np.array(rows).T
    return np.minimum(means, Modulation(modulation).bits_per_symbol), np.maximum(variances, 0.0)
