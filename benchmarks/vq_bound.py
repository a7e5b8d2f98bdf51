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
import pandas as pd
import torch

from phy.channels.fading import Rician
from phy.coding.link_adaptation import SnrStatistics
from semantic.data.opening import open_dataset
from simulator.commands.options import parse_snr
from simulator.encoded_dataset import EncodedDataset
from simulator.frontier.bound import Lines, payload
from simulator.setup.networks import Networks
from simulator.spec import RunSpec


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
    lines, rows = Lines(networks.vq(), images, Rician()), []
    for snr_db in parse_snr(snr):
        statistics = SnrStatistics.measure(Rician(), 8192, 10 ** (-snr_db / 10))
        for count in map(int, uses.split(",")):
            bits = payload(statistics, count, target)
            rows.append({"snr_db": snr_db, "uses": count, "bits": bits, **lines.accuracy(bits)})
    names = {"color_accuracy": "color", "type_accuracy": "type"}
    table = pd.DataFrame(rows).rename(columns=names)
    click.echo(table.to_string(index=False))
    table.to_csv(out, index=False)


if __name__ == "__main__":
    main()
