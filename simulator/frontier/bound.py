"""Reference lines of the frontier: error-free vector-quantized bits at the rate of a limit.

Two limits give the payload of n channel uses: the normal approximation, which counts the short
block, and the ergodic capacity of the fading channel, which does not. The accuracy is that of the
first stages of digital-vq's quantizer that fit this payload. These lines are no strict bounds: a
receiver may also use bits that are uncertain, feedback may end a transmission early, and another
quantizer may be better.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from phy.channel import Channel, gains
from phy.coding.bounds import normal_approximations
from phy.coding.link_adaptation import FadingSamples, SnrStatistics
from phy.snr import noise_variance
from semantic.reid import ReidImages, evaluate_reid
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from semantic.vq.network import VqNetwork
from simulator.encoded_dataset import EncodedDataset

#: Constellations that are tried; the best one counts.
CONSTELLATIONS = ("qpsk", "16qam", "64qam")
#: Block error rate of the normal approximation.
TARGET_BLER = 0.1
#: Channel uses of a burst whose fading is averaged.
USES = 8192
#: Names of the lines.
NORMAL, ERGODIC = "bound: normal approximation", "bound: ergodic capacity"


def payload(
    statistics: SnrStatistics, uses: int, target: float = TARGET_BLER, most: int | None = None
) -> int:
    """Returns the largest number of bits within the target block error rate, at most `most`."""
    best = 0
    for modulation in CONSTELLATIONS:
        mean, variance = statistics.information(modulation, 0.0)
        bits = np.arange(1, 6 * uses if most is None else min(6 * uses, most + 1))
        rates = [normal_approximations(uses, float(k), mean, variance).mean() for k in bits]
        best = max(best, int(bits[np.array(rates) <= target].max(initial=0)))
    return best


def ergodic_capacity(channel: Channel, snr_db: float) -> float:
    """Returns E log2(1 + |h|^2 SNR) in bits per channel use.

    >>> from phy.channels.fading import Awgn
    >>> round(ergodic_capacity(Awgn(), 0.0), 3)
    1.0
    """
    h = gains(FadingSamples.draw(channel, USES).h)
    return float((1 + h.abs().double().square() / noise_variance(snr_db)).log2().mean())


def accuracies(images: EncodedDataset, outputs: TaskOutputs) -> dict[str, float]:
    """Returns rank-1, mAP, color and type in percent; equal codewords are ranked at random."""
    data, kept = images.dataset, images.features.kept
    noise = torch.randn(outputs.embedding.shape, generator=torch.Generator().manual_seed(0))
    embedding = outputs.embedding + 1e-5 * noise
    columns = (torch.from_numpy(np.asarray(c)[kept]) for c in (data.vehicle, data.camera))
    whole = ReidImages(embedding, *columns)
    query = torch.from_numpy(np.asarray(data.is_query)[kept])
    found = evaluate_reid(
        ReidImages(*(c[query] for c in whole)), ReidImages(*(c[~query] for c in whole))
    )
    right = {
        name: float((logits.argmax(1).numpy() == label[kept])[label[kept] >= 0].mean())
        for name, logits, label in (
            ("color_accuracy", outputs.color, np.asarray(data.color)),
            ("type_accuracy", outputs.type, np.asarray(data.type)),
        )
    }
    every = {"rank1": found.rank1, "mAP": found.mean_average_precision, **right}
    return {name: round(100 * value, 1) for name, value in every.items()}


@dataclass
class Lines:
    """Computes points of the lines; it keeps the accuracy of each number of stages.

    Attributes:
        vq: Quantizer of digital-vq.
        images: Test images.
        channel: Channel law.
    """

    vq: VqNetwork
    images: EncodedDataset
    channel: Channel

    def __post_init__(self) -> None:
        s, quantizer = self.images.features.s, self.vq.quantizer
        self._index = in_tiles(lambda tile: quantizer.quantize(self.vq.task_vector(tile)), s)
        self._known: dict[int, dict[str, float]] = {}

    @torch.inference_mode()
    def accuracy(self, bits: int) -> dict[str, float]:
        """Returns the accuracies if the stages that fit so many bits arrive."""
        stages = int((np.cumsum(self.vq.stage_bits) <= bits).sum())
        if stages not in self._known:
            x_hat = self.vq.quantizer.reconstruct(self._index[:, :stages])
            outputs = TaskOutputs(*in_tiles(lambda tile: self.vq.decode(tile)[1], x_hat))
            self._known[stages] = accuracies(self.images, outputs)
        return self._known[stages]

    def rows(self, snr_db: Iterable[float], uses: Iterable[int]) -> pd.DataFrame:
        """Returns both lines: columns line, snr_db, uses, bits, and the accuracies."""
        found = []
        for snr in snr_db:
            statistics = SnrStatistics.measure(self.channel, USES, noise_variance(snr))
            capacity, most = ergodic_capacity(self.channel, snr), sum(self.vq.stage_bits)
            for count in uses:
                # What is above all bits of the quantizer needs no exact number.
                ergodic = min(int(capacity * count), most)
                far = 0.5 * capacity * count >= most
                normal = most if far else payload(statistics, count, most=most)
                for line, bits in ((NORMAL, normal), (ERGODIC, ergodic)):
                    about = {"line": line, "snr_db": snr, "uses": count, "bits": bits}
                    found.append({**about, **self.accuracy(bits)})
        return pd.DataFrame(found)
