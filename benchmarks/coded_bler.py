"""Block error rates of the coded chain against theoretical limits.

    python benchmarks/coded_bler.py --errors 100 --blocks 4000 --out docs/coded_bler

Rate 3/4, base graph 1, transport blocks of one code block (n = 8000 and 1408): BPSK and 16-QAM over
AWGN and fast Rician (K = 2), then BPSK with 2 and 4 transmissions of Chase combining and of incremental
redundancy. Writes OUT.csv and OUT.png and prints the SNR at BLER 10 % and 1 % next to the limits.
"""

from __future__ import annotations

import argparse
import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from phy.coding.bounds import (
    bicm_information,
    faded_information,
    normal_approximation,
    required_snr_db,
)
from phy.coding.transport import TransportCodec
from phy.modulation import Modulation

RATE, K_FACTOR = 0.75, 2.0


@dataclass(frozen=True)
class Curve:
    """One curve: a code, a channel, and how many transmissions are combined."""

    modulation: str
    n: int
    channel: Literal["awgn", "rician"] = "awgn"
    transmissions: int = 1
    combining: Literal["ir", "chase"] = "ir"

    @property
    def label(self) -> str:
        """For tables and legends."""
        harq = f" {self.transmissions} x {self.combining}" if self.transmissions > 1 else ""
        return f"{self.modulation} n={self.n} {self.channel}{harq}"

    def information(self, snr: float) -> tuple[float, float]:
        """Mean and variance of the information of one use."""
        if self.channel == "awgn":
            return bicm_information(snr, self.modulation)
        return faded_information(snr, self.modulation, K_FACTOR)

    def limit_db(self) -> float:
        """SNR where the information of all transmissions equals the payload's."""
        bits = RATE * Modulation(self.modulation).bits_per_symbol / self.transmissions
        if self.combining == "chase":  # The same symbol again is one symbol at L times the SNR.
            bits *= self.transmissions
            return self._crossing(bits) - 10 * math.log10(self.transmissions)
        return self._crossing(bits)

    def _crossing(self, bits: float) -> float:
        return required_snr_db(lambda snr: self.information(snr)[0], bits)

    def normal_db(self, bler: float = 1e-2) -> float:
        """SNR where the normal approximation of a single round has this block error rate."""
        uses = self.n / Modulation(self.modulation).bits_per_symbol
        return required_snr_db(
            lambda snr: -normal_approximation(uses, RATE * self.n, *self.information(snr)), -bler
        )


CURVES = [
    *(Curve(m, n) for m in ("bpsk", "16qam") for n in (8000, 1408)),
    *(Curve(m, 8000, "rician") for m in ("bpsk", "16qam")),
    *(Curve("bpsk", 8000, "awgn", r, c) for r in (2, 4) for c in ("chase", "ir")),
]


def block_errors(curve: Curve, snr_db: float, blocks: int, seed: int) -> int:
    """Sends blocks of random bits and counts those that are wrong after the last round."""
    k = int(RATE * curve.n)
    codec = TransportCodec(
        k - (16 if k - 16 <= 3824 else 24), RATE, curve.modulation, combining=curve.combining
    )
    assert (codec.code.k, codec.coded_bits) == (k, curve.n)
    modulation, no = Modulation(curve.modulation), 10 ** (-snr_db / 10)
    generator = torch.Generator().manual_seed(seed)
    sent = torch.randint(0, 2, (blocks, codec.payload_bits), generator=generator, dtype=torch.uint8)
    llrs, buffer = [], codec.start(blocks)
    for j in range(curve.transmissions):
        x = modulation.map(codec.encode(sent, j))
        noise, diffuse = (torch.randn(x.shape, generator=generator, dtype=x.dtype) for _ in "nh")
        h = (math.sqrt(K_FACTOR) + diffuse) / math.sqrt(K_FACTOR + 1)
        h = torch.ones_like(x) if curve.channel == "awgn" else h
        llrs.append(modulation.demap(h * x + math.sqrt(no) * noise, h, no))
    outcome = None
    for j, llr in enumerate(llrs):
        outcome = codec.receive(buffer, llr, j)
        buffer = outcome.buffer
    assert outcome is not None
    return int((outcome.bits != sent).any(dim=1).sum())


def sweep(curve: Curve, errors: int, blocks: int, step_db: float) -> list[tuple[float, int, int]]:
    """(SNR, blocks, errors) from half a dB over the limit up, until BLER is under 3e-3."""
    points: list[tuple[float, int, int]] = []
    snr_db = math.ceil((curve.limit_db() + 0.3) / step_db) * step_db
    batch = 200
    while len(points) < 60:
        wrong = tried = 0
        while tried < blocks and wrong < errors:
            wrong += block_errors(curve, snr_db, batch, 7919 * len(points) + tried)
            tried += batch
        points.append((round(snr_db, 3), tried, wrong))
        if wrong / tried < 3e-3:
            break
        snr_db += step_db
    return points


def crossing_db(points: list[tuple[float, int, int]], bler: float) -> float:
    """SNR at a block error rate, between points on a logarithmic axis; NaN outside."""
    snr = np.array([p[0] for p in points])
    log = np.log10([max(p[2], 0.5) / p[1] for p in points])
    target = math.log10(bler)
    for i in range(len(points) - 1):
        if log[i] >= target > log[i + 1]:
            return float(np.interp(-target, -log[i : i + 2], snr[i : i + 2]))
    return math.nan


def draw(results: dict[Curve, list[tuple[float, int, int]]], path: Path) -> None:
    """BLER over SNR, with the limits as dotted lines."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5))
    for curve, points in results.items():
        snr, tried, wrong = np.array(points).T
        (line,) = axes.semilogy(snr, np.maximum(wrong, 0.5) / tried, ".-", label=curve.label)
        axes.axvline(curve.limit_db(), color=line.get_color(), linestyle=":", linewidth=1)
    axes.set(xlabel="Es/N0 per complex use / dB (dotted: capacity)", ylabel="block error rate")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.71, 0.02))
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Runs all curves."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--errors", type=int, default=100, help="enough errors for a point")
    parser.add_argument("--blocks", type=int, default=4000, help="at most, for a point")
    parser.add_argument("--step-db", type=float, default=0.1)
    parser.add_argument("--out", type=Path, default=Path("docs/coded_bler"))
    options = parser.parse_args()
    results = {}
    print("| curve | capacity | normal approx. 1 % | BLER 10 % | BLER 1 % |")
    print("|---|---|---|---|---|")
    with options.out.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["curve", "snr_db", "blocks", "errors"])
        for curve in CURVES:
            points = sweep(curve, options.errors, options.blocks, options.step_db)
            results[curve] = points
            writer.writerows([curve.label, *point] for point in points)
            normal = f"{curve.normal_db():.2f}" if curve.transmissions == 1 else ""
            marks = " | ".join(f"{crossing_db(points, b):.2f}" for b in (0.1, 0.01))
            print(f"| {curve.label} | {curve.limit_db():.2f} | {normal} | {marks} |", flush=True)
    draw(results, options.out.with_suffix(".png"))


if __name__ == "__main__":
    main()
