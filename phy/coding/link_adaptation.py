"""How often a transport block will fail, foretold from the statistics of the channel alone.

    channel law -> SNR of each use of many bursts -> mean and variance of a burst's information
                -> normal approximation, behind the chain's implementation margin -> block error rate

A burst of a fast fading channel has the information of the law's mean; under block fading each
burst has its own, and the mean of the block error rates over the bursts is the outage probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phy.channel import Channel
from phy.coding.bounds import bicm_information, normal_approximations
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from phy.streams import Streams

#: Code rate, and what the chain needs there beyond the normal approximation at a block error rate
#: of 10 %, in dB: the larger of what benchmarks/mcs_margin.py measures over AWGN and over fast
#: Rician fading (docs/conventional.md). Low rates repeat a short code; high ones suffer from fades.
_MARGIN_RATES = (0.03, 0.075, 0.12, 0.2, 0.3, 0.5, 0.8, 0.926)
_MARGINS_DB = (1.7, 1.4, 1.25, 1.0, 0.9, 0.8, 0.8, 1.4)
#: Channel uses drawn to learn a law, the longest burst, and bounds of the number of bursts. What
#: is longer is taken to fade as much from burst to burst: that is on the safe side.
_SAMPLES, _MOST_USES, _FEWEST_BURSTS, _MOST_BURSTS = 2**19, 2**13, 64, 4096
#: Seed and cell of these draws: they meet no image's fading.
_SEED, _CELL = 0, "channel statistics"
#: Grid in dB between whose points the information of a use is interpolated.
_STEP_DB = 0.5
_GRID_DB: NDArray[np.float64] = np.arange(-40.0, 45.5, _STEP_DB)

_Floats = NDArray[np.float64]


class SnrStatistics:
    """The SNRs that a receiver meets: long-term channel statistics, as its reports would tell.

    Kept as a histogram over dB for each burst.

    Args:
        snr: [bursts, uses] linear SNR |h|^2 / no of each channel use; one use stands for all
            where the gain does not change within a burst.

    Raises:
        ValueError: When the shape is another, or an SNR is negative or not a number.
    """

    def __init__(self, snr: NDArray[np.floating]) -> None:
        if snr.ndim != 2 or not snr.size or not bool((snr >= 0).all()):
            raise ValueError(f"SNRs have shape {snr.shape}, they must be [bursts, uses] and >= 0")
        last = len(_GRID_DB) - 1
        with np.errstate(divide="ignore"):
            place = (10.0 * np.log10(snr.astype(np.float64)) - _GRID_DB[0]) / _STEP_DB
        place = np.clip(place, 0.0, last)
        lower = np.minimum(place.astype(np.int64), last - 1)
        # Each use counts at the two grid points beside it: linear interpolation.
        upper_share = place - lower
        index = lower + np.arange(len(snr))[:, None] * len(_GRID_DB)
        cells = len(snr) * len(_GRID_DB)
        counts = np.bincount(index.ravel(), (1.0 - upper_share).ravel(), cells)
        counts += np.bincount(index.ravel() + 1, upper_share.ravel(), cells)
        self._shares: _Floats = counts.reshape(len(snr), -1) / snr.shape[1]

    @classmethod
    def measure(cls, channel: Channel, uses: int, no: float) -> SnrStatistics:
        """Statistics of `Bursts`.

        Args:
            channel: Its law; the first slot of its memory.
            uses: Channel uses of a burst, at least 1.
            no: Variance of the complex noise at the average SNR that the transmitter knows.
        """
        return Bursts.drawn(channel, uses).statistics(no)

    def information(self, modulation: str, margin_db: float) -> tuple[_Floats, _Floats]:
        """Mean and variance of a use's information within each burst.

        Args:
            modulation: As in `Modulation`.
            margin_db: By how much every SNR is counted down.

        Returns:
            ([bursts] bits per use, [bursts] bits^2 per use); the variance has both parts, of the
            noise and of the gain.
        """
        means, variances = _information_table(modulation)
        means, variances = (
            np.interp(_GRID_DB - margin_db, _GRID_DB, table) for table in (means, variances)
        )
        mean = self._shares @ means
        gain_variance = np.maximum(self._shares @ means**2 - mean**2, 0.0)
        return mean, self._shares @ variances + gain_variance

    def block_error_rate(self, codec: TransportCodec, margin_db: float | None = None) -> float:
        """Predicted error rate of a transport block at its first transmission.

        All code blocks of the transport block must be right; given the burst, they fail
        independently of each other.

        Args:
            codec: Sizes, rate and modulation.
            margin_db: What the decoder needs beyond the normal approximation; None for the
                measured margin of the rate.

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
class Bursts:
    """Bursts drawn from a channel's law, always the same ones, for any SNR.

    Attributes:
        channel: The law.
        x: [bursts, uses] ones.
        h: Fading, as `Channel.draw` gives it.
    """

    channel: Channel
    x: Tensor
    h: Tensor

    @classmethod
    def drawn(cls, channel: Channel, uses: int) -> Bursts:
        """Draws them; one use stands for all where the gain does not change within a burst.

        Args:
            channel: Its law; the first slot of its memory.
            uses: Channel uses of a burst, at least 1.
        """
        uses = min(uses, _MOST_USES)
        varies = channel.draw(_streams(1), uses, None)[0].shape[1] > 1
        bursts = min(max(_SAMPLES // (uses if varies else 1), _FEWEST_BURSTS), _MOST_BURSTS)
        x = torch.ones(bursts, uses if varies else 1, dtype=torch.complex64)
        h, _ = channel.draw(_streams(bursts).for_role("fading"), x.shape[1], None)
        return cls(channel, x, h)

    def statistics(self, no: float) -> SnrStatistics:
        """What a receiver reports of them, `no` being the variance of the complex noise."""
        streams = _streams(len(self.x)).for_role("noise")
        _, h, noise = self.channel.apply(self.x, self.h, no, streams)
        return SnrStatistics((h.abs().square() / noise).cpu().numpy())


def implementation_margin_db(rate: float) -> float:
    """What the chain needs beyond the normal approximation at a block error rate of 10 %, in dB.

    >>> round(implementation_margin_db(0.75), 2)
    0.8
    """
    return float(np.interp(rate, _MARGIN_RATES, _MARGINS_DB))


def _streams(bursts: int) -> Streams:
    return Streams(_SEED, _CELL, np.arange(bursts))


@lru_cache(maxsize=8)
def _information_table(modulation: str) -> tuple[_Floats, _Floats]:
    """`bicm_information` on the grid; at the ends nothing changes any more."""
    rows = [bicm_information(10.0 ** (db / 10.0), modulation) for db in _GRID_DB.tolist()]
    means, variances = np.array(rows).T
    return np.minimum(means, Modulation(modulation).bits_per_symbol), np.maximum(variances, 0.0)
