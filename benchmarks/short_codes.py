"""Error rates of the short and polar codes of digital-vq against the normal approximation.

    python benchmarks/short_codes.py --out docs/results/short_codes.csv

For each number of information bits, code words of QPSK symbols cross AWGN or fast Rician fading
(K = 2). The table has the SNR at which the normal approximation promises a block error rate of 10 %
for these bits and channel uses, and the rate that the code reaches there. The information bits of a
polar code do not include its CRC, so that its column contains the loss by the CRC.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
import torch

from phy.channel import Channel
from phy.channels.fading import Awgn, Rician
from phy.coding.bounds import normal_approximations, required_snr_db
from phy.coding.link_adaptation import SnrStatistics
from phy.coding.polar_code import PolarCode, fits
from phy.coding.short_code import MOST_BITS, ShortCode
from phy.modulation import Modulation
from phy.streams import Streams

CHANNELS: dict[str, Channel] = {"awgn": Awgn(), "rician": Rician(2.0, "fast")}
QPSK = Modulation("qpsk")
#: Blocks that are decoded at a time.
ROWS = 250


def promised(statistics: SnrStatistics, uses: int, bits: int, snr_db: float) -> float:
    """Normal approximation to the error rate; the statistics are those at 0 dB."""
    mean, variance = statistics.information("qpsk", -snr_db)
    return float(normal_approximations(uses, bits, mean, variance).mean())


def snr_at(statistics: SnrStatistics, uses: int, bits: int, target: float) -> float:
    """SNR in dB at which the normal approximation promises an error rate."""
    return required_snr_db(
        lambda snr: -promised(statistics, uses, bits, 10 * np.log10(snr)), -target
    )


def measured(
    code: str, bits: int, uses: int, channel: Channel, snr_db: float, blocks: int
) -> float:
    """Block error rate of real decoding."""
    wrong, generator = 0, torch.Generator().manual_seed(0)
    for first in range(0, blocks, ROWS):
        rows = min(ROWS, blocks - first)
        payload = torch.randint(0, 2, (rows, bits), generator=generator).to(torch.uint8)
        message = (payload.long() * 2 ** torch.arange(bits - 1, -1, -1)).sum(1)
        polar = PolarCode(bits, 2 * uses) if code == "polar" else None
        words = (
            ShortCode(bits).encode(message, 0, 2 * uses) if polar is None else polar.encode(payload)
        )
        x, streams = QPSK.map(words), Streams(0, "short codes", np.arange(first, first + rows))
        h, _ = channel.draw(streams.for_role("fading"), uses, None)
        y, h, no = channel.apply(x, h, 10 ** (-snr_db / 10), streams.for_role("noise"))
        llr = QPSK.demap(y, h, no)
        if polar is None:
            wrong += int((ShortCode(bits).posterior(llr).argmax(1) != message).sum())
        else:
            wrong += int((polar.decode(llr)[0] != payload).any(1).sum())
    return wrong / blocks


def rows(
    channel_name: str, rates: list[float], blocks: int, target: float
) -> list[dict[str, object]]:
    """The table of one channel."""
    channel, found = CHANNELS[channel_name], []
    statistics = SnrStatistics.measure(channel, 8192, 1.0)
    for bits in (4, 6, 8, 10, 12, 14, 20, 32, 64, 128, 256, 500):
        for rate in rates:
            uses = round(bits / rate / 2)
            snr_db = snr_at(statistics, uses, bits, target)
            row: dict[str, object] = {
                "channel": channel_name, "bits": bits, "uses": uses, "snr_db": round(snr_db, 2),
            }  # fmt: skip
            for code, there in (("ml", bits <= MOST_BITS), ("polar", fits(bits, 2 * uses))):
                if there:
                    row[code] = measured(code, bits, uses, channel, snr_db, blocks)
            if len(row) > 4:  # a code of this length exists
                found.append(row)
                print(row, flush=True)
    return found


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--blocks", type=int, default=2000)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.1, 0.25, 0.5])
    parser.add_argument("--target", type=float, default=0.1, help="promised block error rate")
    given = parser.parse_args()
    torch.set_num_threads(1)
    table = [
        row for name in CHANNELS for row in rows(name, given.rates, given.blocks, given.target)
    ]
    with given.out.open("w", newline="") as file:
        columns = ["channel", "bits", "uses", "snr_db", "ml", "polar"]
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    main()
