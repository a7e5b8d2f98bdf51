"""SNR margin of the coded chain over the normal approximation, for every row of the MCS table.

    python benchmarks/mcs_margin.py --uses 3000 --blocks 100 --out docs/figures/mcs_margin.csv

For each row, a transport block that fills `--uses` channel uses crosses AWGN and fast Rician fading
(K = 2) at SNRs around the predicted one. The margin in dB is the difference between the SNR of a
measured block error rate of 10 % and the SNR at which the normal approximation has 10 %. The base
graph is that of TS 38.212. The noise is the same at every SNR, up to its scale.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from phy.channel import Channel
from phy.channels.fading import Awgn, Rician
from phy.coding.bounds import required_snr_db
from phy.coding.link_adaptation import SnrStatistics
from phy.coding.mcs import MCS_TABLE, Mcs
from phy.coding.segmentation import select_base_graph
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation
from phy.streams import Streams

CHANNELS: dict[str, Channel] = {"awgn": Awgn(), "rician": Rician(2.0, "fast")}
MARGINS_DB = np.arange(0.4, 2.41, 0.2)
TARGET = 0.1


def filling_codec(mcs: Mcs, uses: int) -> TransportCodec:
    """The codec of the largest payload of whole bytes that fits."""
    low, high = 1, int(uses * mcs.spectral_efficiency) // 8 + 1

    def codec(size: int) -> TransportCodec:
        graph = select_base_graph(8 * size, mcs.rate)
        return TransportCodec(8 * size, mcs.rate, mcs.modulation, graph)

    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if codec(middle).uses <= uses else (low, middle - 1)
    return codec(low)


def predicted_snr_db(codec: TransportCodec, channel: Channel) -> float:
    """SNR where the normal approximation has a block error rate of 10 %."""
    statistics = SnrStatistics.measure(channel, codec.uses, 1.0)  # at 0 dB
    return required_snr_db(
        lambda snr: -statistics.block_error_rate(codec, -10 * np.log10(snr)), -TARGET
    )


def measured(codec: TransportCodec, channel: Channel, snr_db: float, blocks: int) -> float:
    """Block error rate of real decoding."""
    generator = torch.Generator().manual_seed(0)
    modulation, wrong = Modulation(codec.modulation), 0
    for first in range(0, blocks, 50):
        rows = min(50, blocks - first)
        payload = torch.randint(0, 2, (rows, codec.payload_bits), generator=generator)
        x = modulation.map(codec.encode(payload.to(torch.uint8)))
        streams = Streams(0, "margin", np.arange(first, first + rows))
        h, _ = channel.draw(streams.for_role("fading"), codec.uses, None)
        y, h, no = channel.apply(x, h, 10.0 ** (-snr_db / 10.0), streams.for_role("noise"))
        outcome = codec.receive(codec.start(rows), modulation.demap(y, h, no))
        wrong += int((~outcome.crc_ok).sum())
    return wrong / blocks


def margin_db(mcs: Mcs, channel: Channel, uses: int, blocks: int) -> tuple[float, float]:
    """(SNR of the normal approximation, dB beyond it where 10 % are really met)."""
    codec = filling_codec(mcs, uses)
    base = predicted_snr_db(codec, channel)
    before = 1.0
    for margin in MARGINS_DB:
        rate = measured(codec, channel, base + margin, blocks)
        if rate <= TARGET:
            step = (np.log(before) - np.log(TARGET)) / (np.log(before) - np.log(max(rate, 1e-3)))
            return base, float(margin - 0.2 * (1 - step))
        before = rate
    raise RuntimeError(f"MCS {mcs.index}: more than {MARGINS_DB[-1]} dB are missing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--uses", type=int, default=3000)
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--rows", type=int, nargs="*", default=range(len(MCS_TABLE)))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    rows = []
    for name, channel in CHANNELS.items():
        for index in arguments.rows:
            mcs = MCS_TABLE[index]
            base, margin = margin_db(mcs, channel, arguments.uses, arguments.blocks)
            row = (name, index, mcs.modulation, mcs.rate_1024, round(base, 2), round(margin, 2))
            rows.append(row)
            print(*row, flush=True)
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["channel", "mcs", "modulation", "rate_1024", "snr_db", "margin_db"])
            table.writerows(rows)


if __name__ == "__main__":
    main()
