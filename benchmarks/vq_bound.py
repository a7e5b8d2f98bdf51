"""Accuracy of digital-vq if its bits arrive as the normal approximation allows: a reference line.

    python benchmarks/vq_bound.py --data data/validation --weights weights --out bound.csv

For each SNR and number of channel uses, the payload is the largest whose block error rate, by the
normal approximation over the channel law, is within the target. The first stages of the quantizer
that fit this payload arrive without an error. It is no strict bound: a real receiver may use
bits that are uncertain, and feedback may stop early; the quantizer is that of digital-vq.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pandas as pd
import torch

from phy.channels.fading import Rician
from phy.coding.bounds import normal_approximations
from phy.coding.link_adaptation import SnrStatistics
from semantic.data.opening import open_dataset
from semantic.reid import ReidImages, evaluate_reid
from semantic.tasks import TaskOutputs
from semantic.tiles import in_tiles
from simulator.commands.options import parse_snr
from simulator.encoded_dataset import EncodedDataset
from simulator.setup.networks import Networks
from simulator.spec import RunSpec

#: Constellations that are tried; the best one counts.
CONSTELLATIONS = ("qpsk", "16qam", "64qam")


def payload(statistics: SnrStatistics, uses: int, target: float) -> int:
    """Largest number of bits within the target block error rate."""
    best = 0
    for modulation in CONSTELLATIONS:
        mean, variance = statistics.information(modulation, 0.0)
        bits = np.arange(1, 6 * uses)
        rates = [normal_approximations(uses, k, mean, variance).mean() for k in bits]
        best = max(best, int(bits[np.array(rates) <= target].max(initial=0)))
    return best


def accuracies(images: EncodedDataset, outputs: TaskOutputs) -> dict[str, float]:
    """Rank-1, mAP, color and type in percent; equal codewords are ranked at random."""
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
            ("color", outputs.color, np.asarray(data.color)),
            ("type", outputs.type, np.asarray(data.type)),
        )
    }
    every = {"rank1": found.rank1, "mAP": found.mean_average_precision, **right}
    return {name: round(100 * value, 1) for name, value in every.items()}


@click.command(help=__doc__)
@click.option("--data", default="synthetic", show_default=True)
@click.option("--weights")
@click.option("--snr", default="-6:2:2", show_default=True)
@click.option("--uses", default="15,30,60,90,120,250,500", show_default=True)
@click.option("--target", default=0.1, show_default=True, help="Block error rate.")
@click.option("--out", type=click.Path(path_type=Path), required=True)
@torch.inference_mode()
def main(data: str, weights: str | None, snr: str, uses: str, target: float, out: Path) -> None:
    """Prints and writes the table."""
    networks = Networks(RunSpec(schemes=("digital-vq",), weights=weights), "cpu")
    images = EncodedDataset(open_dataset(data), networks.encoder, "cpu", lambda *_: None)
    vq, s = networks.vq(), images.features.s
    index = in_tiles(lambda tile: vq.quantizer.quantize(vq.task_vector(tile)), s)
    ends, known, rows = np.cumsum(vq.stage_bits), dict[int, dict[str, float]](), []
    for snr_db in parse_snr(snr):
        statistics = SnrStatistics.measure(Rician(), 8192, 10 ** (-snr_db / 10))
        for count in map(int, uses.split(",")):
            bits = payload(statistics, count, target)
            stages = int((ends <= bits).sum())
            if stages not in known:
                x_hat = vq.quantizer.reconstruct(index[:, :stages])
                outputs = in_tiles(lambda tile: vq.decode(tile)[1], x_hat)
                known[stages] = accuracies(images, outputs)
            rows.append({"snr_db": snr_db, "uses": count, "bits": bits, **known[stages]})
    table = pd.DataFrame(rows)
    click.echo(table.to_string(index=False))
    table.to_csv(out, index=False)


if __name__ == "__main__":
    main()
