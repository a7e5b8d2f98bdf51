"""The states of plus-hybrid's two ends, and the plans that both ends compute."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel
from phy.coding.link_adaptation import FadingSamples
from phy.snr import noise_variance, snr_from_db
from semantic.link.stopping import Decoded
from semantic.plus.hybrid import BLOCKS
from simulator.schemes.hybrid_timetable import Timetable, analog_schedule
from simulator.slots import Slot

#: Uses over which the information of the channel law is averaged.
MEASURED_USES = 1024


@dataclass(frozen=True)
class Progress:
    """What one end knows of the progress of each image, all [batch] int64.

    Attributes:
        block: Blocks finished.
        bits: Coded bits of the next block that have been sent.
        places: Analog places that have been sent.
        bursts: Number of bursts so far.
    """

    block: Tensor
    bits: Tensor
    places: Tensor
    bursts: int = 0

    def after(self, digital: Tensor, uses: int) -> Progress:
        """Returns the progress after a burst."""
        bits = self.bits + 2 * uses * digital.long()
        places = self.places + 2 * uses * (~digital).long()
        return Progress(self.block, bits, places, self.bursts + 1)


@dataclass(frozen=True)
class TxState:
    """State of the transmitter.

    Attributes:
        c: Latent features, [batch, latent].
        index: Index of each stage of the quantizer, [batch, stages].
        progress: What has been sent.
    """

    c: Tensor
    index: Tensor
    progress: Progress


@dataclass(frozen=True)
class RxState:
    """State of the receiver.

    Attributes:
        progress: What has been received.
        stages: [batch] int64, stages of the blocks that have begun.
        decoded: [batch] bool, whether the latest block is decoded, as the latest answer says.
        llr: LLRs of the coded bits of the latest block, [batch, bits]; 0 for bits to come.
        mean: Expected codewords of the finished blocks, [batch, latent].
        variance: Their variance.
        latest_mean: The same of the latest block.
        latest_variance: Its variance.
        matched: Matched-filter outputs of the analog part, summed by feature, in units of c.
        precision: Their precisions.
        received_snr: SNR_r of eq. 17 so far, [batch].
        outputs: Outputs of the tasks where the receive SNR is above theta_0; None if not computed.
    """

    progress: Progress
    stages: Tensor
    decoded: Tensor
    llr: Tensor
    mean: Tensor
    variance: Tensor
    latest_mean: Tensor
    latest_variance: Tensor
    matched: Tensor
    precision: Tensor
    received_snr: Tensor
    outputs: Decoded | None = None


class Estimate(NamedTuple):
    """The decoder's input.

    Attributes:
        mean: Estimate of each latent feature.
        variance: Variance of its error.
    """

    mean: Tensor
    variance: Tensor

    def decoder_input(self) -> Tensor:
        """Returns estimate and reliability side by side, as `semantic.plus.belief.Belief` does."""
        return torch.cat([self.mean, (1 - self.variance).clamp(0, 1)], 1)


@dataclass
class Plans:
    """Timetables and analog schedules: memoized results of pure functions of the channel law.

    Attributes:
        channel: Channel law of the run.
        left: Variance of each feature that the first 0, 1, ... stages leave, [stages + 1, latent].
        max_transmissions: G_max.
        blocks: Most blocks of an image.
        bursts_per_block: Bursts in which a block of average length is sent.
    """

    channel: Channel
    left: np.ndarray
    max_transmissions: int
    blocks: int = len(BLOCKS)
    bursts_per_block: int = 2
    _tables: dict[Slot, Timetable] = field(default_factory=dict)
    _positions: dict[float, Tensor] = field(default_factory=dict)

    def timetable(self, slot: Slot) -> Timetable:
        """Returns the timetable of a run's images."""
        if slot not in self._tables:
            samples = FadingSamples.draw(self.channel, MEASURED_USES)
            statistics = samples.statistics(noise_variance(slot.reported_snr_db))
            information = float(statistics.information("qpsk", 0.0)[0].mean())
            self._tables[slot] = Timetable.of(
                slot.features,
                self.max_transmissions,
                max(information, 1e-6),
                self.blocks,
                self.bursts_per_block,
            )
        return self._tables[slot]

    def positions(self, slot: Slot) -> Tensor:
        """Returns the feature of each analog place after 0, 1, ... stages: [stages + 1, PLACES]."""
        snr_db = slot.reported_snr_db
        if snr_db not in self._positions:
            rows = [analog_schedule(left, snr_from_db(snr_db)) for left in self.left]
            self._positions[snr_db] = torch.from_numpy(np.stack(rows))
        return self._positions[snr_db]


def finish_blocks(rx: RxState, finished: Tensor) -> RxState:
    """Adds the latest blocks to the finished ones, where they are."""
    zero = torch.zeros_like(rx.mean)
    return replace(
        rx,
        mean=rx.mean + torch.where(finished, rx.latest_mean, zero),
        variance=rx.variance + torch.where(finished, rx.latest_variance, zero),
        latest_mean=torch.where(finished, zero, rx.latest_mean),
        latest_variance=torch.where(finished, zero, rx.latest_variance),
        llr=rx.llr.masked_fill(finished, 0),
    )
