"""Quality of the distortion evaluation network: AUROC of d over SNR, and share of requests.

    python benchmarks/fde.py [--weights DIR] [--out docs/results]

A feature counts as distorted if the error of its received value is above the median. The table
compares d with two other detectors: |z_hat|, the simplest function of z_hat, and |h|, which the
receiver of the paper does not give to F.
"""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd
import torch
from torch import Tensor

from phy.channels.fading import Rician
from semantic.distortion.threshold import auroc
from semantic.link.buffer import Combining
from semantic.link.network import LinkNetwork
from semantic.link.selector import Plan
from semantic.training.round_trip import transmit_slot, unit_power
from simulator.encoded_dataset import EncodedDataset
from simulator.files import write_whole
from simulator.setup.prepare import prepare
from simulator.slots import Slot
from simulator.spec import RunSpec
from simulator.training.channel import training_channel

SNRS_DB = range(-6, 9, 2)
TRANSMISSIONS = 4


@torch.inference_mode()
def detection(network: LinkNetwork, s: Tensor, slot_s: float, bandwidth_hz: float) -> pd.DataFrame:
    """AUROCs after the first slot and the share of a slot whose retransmission is requested, one row per SNR.

    Args:
        network: A link with an F.
        s: [images, N] outputs of its encoder.
        slot_s, bandwidth_hz: Of a slot.
    """
    channel = training_channel(Rician(), "cpu")
    f = network.encode(s)
    rows = []
    for snr_db in SNRS_DB:
        B = Slot(snr_db, slot_s, bandwidth_hz).features
        generator = torch.Generator().manual_seed(0)
        plan, request = Plan.empty(len(f)), None
        buffer = network.empty_buffer(len(f))
        asked, found = [], {}
        for transmission in range(TRANSMISSIONS):
            plan = plan.next(network.order, request, B)
            assert plan.selection is not None
            latest = plan.selection
            buffer, _ = transmit_slot(f, buffer, plan, float(snr_db), channel, generator)
            d = network.distortion(buffer).gather(1, latest.position)
            if transmission == 0:
                sent = unit_power(latest.gather(f), latest.uses)
                z_hat = buffer.received().gather(1, latest.position)
                error = (z_hat - sent).abs()
                found = {"d": auroc(d, error), "abs_z_hat": auroc(z_hat.abs(), error)}
                if isinstance(buffer, Combining):
                    weight = buffer.weight.gather(1, latest.position)
                    found["knows_h"] = auroc(-weight, error)
            request = (d >= network.threshold_at(snr_db)) & latest.sent
            if transmission + 1 < TRANSMISSIONS:
                asked.append(float(request.sum() / latest.sent.sum()))
        row = {"snr_db": snr_db, "B": B, **found, "retransmission_request": sum(asked) / len(asked)}
        rows.append(row)
    return pd.DataFrame(rows).round(3)


def encoded_images(spec: RunSpec) -> Tensor:
    """s of the run's images."""
    prepared = prepare(spec)
    encoded = EncodedDataset(
        prepared.dataset, prepared.networks.encoder, "cpu", lambda *progress: None
    )
    return encoded.features.s


@click.command()
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/results"))
def main(weights: str | None, out: Path) -> None:
    """Prints the table and writes fde.csv."""
    spec = RunSpec(weights=weights, device="cpu")
    network = prepare(spec).networks.link("semharq")
    table = detection(network, encoded_images(spec), spec.slot_s, spec.bandwidth)
    click.echo(table.to_string(index=False))
    write_whole(out / "fde.csv", lambda path: table.to_csv(path, index=False))


if __name__ == "__main__":
    main()
