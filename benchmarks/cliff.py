"""The cliff effect of coded images: accuracy and block error rate over SNR and G_max.

    python benchmarks/cliff.py [--images 60] [--keep runs/cliff] [--out docs]

`jpeg-ldpc-16qam-harq` has 1, 2, 3 or 4 transmissions. Each curve has a fine grid of SNRs around its
cliff, over AWGN and over fast Rician fading (K = 2). There are three limits, each tighter than the
one before:

- gaussian: the capacity for 3 bits per use in so many transmissions;
- bicm: 16-QAM with independent bits, an ideal code, and new bits in every transmission;
- buffer: the same, but the LLRs of repeated bits are added, as in the circular buffer.

The curve of SemHARQ has no cliff, for comparison. Writes OUT/results/cliff.csv, OUT/results/cliff_limits.csv
and OUT/figures/cliff.png, and prints the limits beside the cliffs.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np
import pandas as pd
import torch

from phy.coding.bounds import (
    bicm_information,
    faded_information,
    gaussian_limit_db,
    required_snr_db,
)
from phy.coding.ldpc_code import LdpcCode
from phy.coding.ldpc_encoder import encode
from phy.coding.rate_matching import combine, empty_buffer, match, sent_positions
from phy.modulation import Modulation
from simulator.files import write_whole
from simulator.results.curve import ACCURACIES
from simulator.setup.prepare import prepare
from simulator.spec import RunSpec
from simulator.sweeps.sweep import run

CODED, SEMANTIC = "jpeg-ldpc-16qam-harq", "semharq"
#: Metrics that are written, with bler_1, bler_2, ...
KEPT = (*ACCURACIES, "transmissions", "channel_uses", "goodput")
TRANSMISSIONS = (1, 2, 3, 4)
CHANNELS = ("awgn", "rician")
BITS_PER_USE = 0.75 * 4  # of the first transmission
K_FACTOR = 2.0
#: A code block of a file that fills a slot of 3000 uses: two of them share it.
BLOCK_BITS, CODED_BITS, RVS = 4461, 5948, (0, 2, 3, 1)
#: Of every curve.
COARSE_DB = np.arange(-6.0, 16.1, 2.0)
#: From the limit of each curve: no code is left of it, and ours is within 3 dB at four transmissions.
BEFORE_DB, AFTER_DB = 0.5, 3.0


def bicm_limit_db(channel: str, transmissions: int) -> float:
    """SNR at which so many transmissions carry the first one's bits: the cliff of an ideal code."""

    def information(snr: float) -> float:
        if channel == "awgn":
            return bicm_information(snr, "16qam")[0]
        return faded_information(snr, "16qam", K_FACTOR)[0]

    return required_snr_db(information, BITS_PER_USE / transmissions)


def buffer_limit_db(channel: str, transmissions: int, blocks: int = 16) -> float:
    """SNR at which the receiver's soft buffer carries as much information as was sent.

    The information of a bit b with LLR L is 1 - log2(1 + exp(-(1 - 2 b) L)), summed over the buffer
    of some blocks with fixed fading and noise.
    """
    code, modulation = LdpcCode.for_block(BLOCK_BITS), Modulation("16qam")
    rng = np.random.default_rng(0)
    words = encode(rng.integers(0, 2, (blocks, code.k), np.uint8), code)
    sent = [sent_positions(code, CODED_BITS, rv, 4) for rv in RVS[:transmissions]]
    shape = (len(sent), 2, blocks, CODED_BITS // 4, 2)
    drawn = torch.view_as_complex(torch.from_numpy(rng.normal(0, 0.5**0.5, shape)))
    drawn = drawn.to(torch.complex64)

    def information(snr: float) -> float:
        buffer = empty_buffer(blocks, code)
        for positions, (noise, diffuse) in zip(sent, drawn, strict=True):
            h = (K_FACTOR**0.5 + diffuse) / (K_FACTOR + 1) ** 0.5
            h = torch.ones_like(noise) if channel == "awgn" else h
            y = h * modulation.map(torch.from_numpy(match(words, positions))) + noise / snr**0.5
            buffer = combine(buffer, modulation.demap(y, h, 1 / snr).numpy(), positions)
        known = np.isfinite(buffer)  # filler bits are known, and carry no information
        right = np.where(words[known] == 1, -buffer[known], buffer[known])
        bits = 1 - np.logaddexp(0, -right.astype(float)) / np.log(2)
        return float(bits.sum() / (blocks * code.k))

    return required_snr_db(information, 1.0)


def snr_grid(channel: str, transmissions: int, step_db: float) -> tuple[float, ...]:
    """A coarse grid everywhere, a fine one around the cliff."""
    limit_db = bicm_limit_db(channel, transmissions)
    first, last = np.floor((limit_db - BEFORE_DB) / step_db), (limit_db + AFTER_DB) / step_db
    fine = np.arange(first, last + 1) * step_db
    return tuple(float(snr_db) for snr_db in np.union1d(COARSE_DB, fine))


def measured(
    scheme: str,
    channel: str,
    transmissions: int,
    snr_db: tuple[float, ...],
    store: Path,
    **rest: Any,
) -> pd.DataFrame:
    """The tidy curve of one scheme that may send so many times."""
    spec = RunSpec(
        schemes=(scheme,),
        snr_db=snr_db,
        channel=channel,
        max_transmissions=transmissions,
        **rest,
    )

    def progress(what: str, done: int, total: int | None) -> None:
        click.echo(
            f"\r{scheme} {channel} {transmissions}: {what} {done}/{total}  ", nl=False, err=True
        )

    place = store / f"{scheme}-{channel}-{transmissions}"
    curve = run(prepare(spec), progress, place).curve
    curve = curve[curve["metric"].isin(KEPT) | curve["metric"].str.startswith("bler_")].copy()
    curve.insert(2, "max_transmissions", transmissions)
    return curve


def values(curve: pd.DataFrame, scheme: str, channel: str, transmissions: int, metric: str) -> Any:
    """The points of one metric of one curve: [snr_db, value, ci_low, ci_high], by SNR."""
    mine = (
        (curve["scheme"] == scheme)
        & curve["channel"].str.startswith(channel)
        & (curve["max_transmissions"] == transmissions)
        & (curve["metric"] == metric)
    )
    columns = ["snr_db", "value", "ci_low", "ci_high"]
    return curve.loc[mine, columns].sort_values("snr_db").to_numpy(float).T


def crossing_db(snr_db: Any, bler: Any, target: float) -> float:
    """The SNR where a block error rate falls under a target, straight between points."""
    after = int(np.argmax(bler < target))
    if not after:  # from the first point on, or never
        return float("nan")
    pair = slice(after - 1, after + 1)
    return float(np.interp(-target, -bler[pair], snr_db[pair]))


def cliffs(curve: pd.DataFrame) -> pd.DataFrame:
    """Limits and measured cliffs, one row per channel and number of transmissions."""
    rows = []
    for channel in curve["channel"].str.partition("(")[0].unique():
        for allowed in TRANSMISSIONS:
            snr_db, bler, _, _ = values(curve, CODED, channel, allowed, f"bler_{allowed}")
            limit_db, cliff_db = buffer_limit_db(channel, allowed), crossing_db(snr_db, bler, 0.5)
            rows.append(
                {
                    "channel": channel,
                    "max_transmissions": allowed,
                    "gaussian_limit_db": gaussian_limit_db(BITS_PER_USE, allowed),
                    "bicm_limit_db": bicm_limit_db(channel, allowed),
                    "buffer_limit_db": limit_db,
                    "bler_50_db": cliff_db,
                    "bler_10_db": crossing_db(snr_db, bler, 0.1),
                    "gap_db": cliff_db - limit_db,
                }
            )
    return pd.DataFrame(rows).round(2)


def draw(curve: pd.DataFrame, path: Path) -> None:
    """Rank-1 above, block error rate below, a column for each channel."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    channels = list(curve["channel"].str.partition("(")[0].unique())
    figure, grid = plt.subplots(
        2,
        len(channels),
        figsize=(5.5 * len(channels), 7),
        sharex="col",
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for (above, below), channel in zip(grid.T, channels, strict=True):
        for allowed in TRANSMISSIONS:
            color, label = f"C{allowed - 1}", f"JPEG + LDPC, {allowed} sent at most"
            snr_db, value, low, high = values(curve, CODED, channel, allowed, "rank1")
            above.plot(snr_db, value, ".-", color=color, label=label)
            above.fill_between(snr_db, low, high, color=color, alpha=0.15, linewidth=0)
            snr_db, bler, low, high = values(curve, CODED, channel, allowed, f"bler_{allowed}")
            below.plot(snr_db, bler, ".-", color=color)
            below.fill_between(snr_db, low, high, color=color, alpha=0.15, linewidth=0)
            for axes in (above, below):
                axes.axvline(bicm_limit_db(channel, allowed), color=color, ls="--", lw=1)
                axes.axvline(gaussian_limit_db(BITS_PER_USE, allowed), color=color, ls=":", lw=1)
        snr_db, value, low, high = values(curve, SEMANTIC, channel, TRANSMISSIONS[-1], "rank1")
        above.plot(snr_db, value, "k.-", label=f"SemHARQ, {TRANSMISSIONS[-1]} sent at most")
        above.fill_between(snr_db, low, high, color="k", alpha=0.12, linewidth=0)
        above.set_title("AWGN" if channel == "awgn" else "Rician, K = 2, a gain per use")
        below.set_xlabel("Es/N0 per complex use / dB\n(dashed: 16-QAM limit, dotted: any scheme)")
        for axes in (above, below):
            axes.grid(alpha=0.3)
    grid[0, 0].set_ylabel("rank-1 / %")
    grid[1, 0].set_ylabel("block error rate at the end")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=9)
    write_whole(path, lambda temporary: figure.savefig(temporary, dpi=150, format="png"))
    plt.close(figure)


@click.command()
@click.option("--images", type=int, default=None, help="About how many images [all].")
@click.option("--step-db", type=float, default=0.25, show_default=True, help="Of the fine grids.")
@click.option("--weights", default=None, help="Weights directory [the package's].")
@click.option("--keep", type=click.Path(path_type=Path), help="Keeps finished points, to go on.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs"), show_default=True)
def main(
    images: int | None, step_db: float, weights: str | None, keep: Path | None, out: Path
) -> None:
    """Runs all curves."""
    curves = []
    with ExitStack() as networks:
        store = keep or Path(networks.enter_context(TemporaryDirectory()))
        rest = {"images": images, "weights": weights}
        for channel in CHANNELS:
            for allowed in TRANSMISSIONS:
                grid = snr_grid(channel, allowed, step_db)
                curves.append(measured(CODED, channel, allowed, grid, store, **rest))
            coarse = tuple(map(float, COARSE_DB))
            curves.append(measured(SEMANTIC, channel, TRANSMISSIONS[-1], coarse, store, **rest))
    curve = pd.concat(curves, ignore_index=True)
    curve = curve.round({"value": 5, "ci_low": 5, "ci_high": 5})
    write_whole(out / "results" / "cliff.csv", lambda path: curve.to_csv(path, index=False))
    draw(curve, out / "figures" / "cliff.png")
    limits = cliffs(curve)
    write_whole(out / "results" / "cliff_limits.csv", lambda path: limits.to_csv(path, index=False))
    click.echo("\n" + limits.to_string(index=False))


if __name__ == "__main__":
    main()
