"""Statistics of the TDL and CDL channels against their tables, for docs/channels.md.

    python benchmarks/ofdm_statistics.py --images 4000 --out docs/figures

All statistics are those of gains that the channels of the catalog draw for bursts. Each image is an
independent sample. Writes channel_ofdm.png (power over delay, correlation over frequency and over
time) and prints the largest distances.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from scipy.special import j0

from phy.ofdm.channel import OfdmChannel
from phy.ofdm.tr38901 import delay_profile
from phy.streams import Streams
from simulator.catalog import CHANNELS, construct

SPREAD_NS, SPEED_MPS = 200.0, 25.0
SUBCARRIERS, SUBCARRIER_HZ, SYMBOLS = 1200, 15e3, 60
LAW = "#c2451e"
COLORS = dict(zip("abcde", ("#2f6f9f", "#4b9e5f", "#8a6fb0", "#d29a2c", "#6d6d6d"), strict=True))

Complexes = npt.NDArray[np.complex128]


def channel(name: str, subcarriers: int) -> OfdmChannel:
    """One of the catalog, on a grid of its own."""
    arguments = {
        "delay_spread_ns": SPREAD_NS,
        "speed_mps": SPEED_MPS,
        "subcarriers": subcarriers,
    }
    made = construct("channel", name, CHANNELS, arguments)
    assert isinstance(made, OfdmChannel)
    return made


def gains(name: str, images: int, subcarriers: int, symbols: int) -> Complexes:
    """[images, symbols, subcarriers] of one burst each."""
    streams = Streams(0, f"{name} statistics", np.arange(images))
    h, _ = channel(name, subcarriers).draw(streams, symbols * subcarriers, None)
    return h.numpy().astype(np.complex128).reshape(images, symbols, subcarriers)


def draw_delays(axis: Axes, family: str, images: int) -> None:
    """E|IFFT of h|^2 against the table's powers, spread by the band as a rectangle spreads them."""
    delays_s = np.arange(SUBCARRIERS) / (SUBCARRIERS * SUBCARRIER_HZ)
    for model in "ac":
        h = gains(f"{family}-{model}", images, SUBCARRIERS, 1)[:, 0]
        measured = (np.abs(np.fft.ifft(h, axis=1)) ** 2).mean(0)
        profile = delay_profile(family, model)
        away = delays_s[:, None] - profile.delays * SPREAD_NS * 1e-9
        # Kernel of the transform: sin(pi N x) / (N sin(pi x)), squared.
        x = np.pi * SUBCARRIER_HZ * away
        with np.errstate(invalid="ignore", divide="ignore"):
            kernel = np.sin(SUBCARRIERS * x) / (SUBCARRIERS * np.sin(x))
        kernel = np.where(np.abs(np.sin(x)) < 1e-12, 1.0, kernel)
        law = kernel**2 @ profile.powers
        shown = delays_s < 2.2e-6
        axis.plot(
            delays_s[shown] * 1e6,
            10 * np.log10(measured[shown]),
            "." if model == "a" else "x",
            ms=4,
            color=COLORS[model],
            label=f"{family}-{model}",
        )
        axis.plot(delays_s[shown] * 1e6, 10 * np.log10(law[shown]), color=LAW, lw=0.8)
        gap = np.abs(measured - law).max() / law.max()
        print(f"{family}-{model}, power over delay: largest distance {gap:.3f} of the peak")
    axis.set(xlabel="delay / us", ylabel="power / dB", ylim=(-52, 0), title=f"{family}: delays")
    axis.legend(frameon=False)


def draw_frequency(axis: Axes, family: str, images: int) -> None:
    """|E[h(f + offset) h*(f)]| against the transform of the delay profile."""
    steps = np.arange(0, SUBCARRIERS, 15)
    for model, color in COLORS.items():
        name = f"{family}-{model}"
        h = gains(name, images, SUBCARRIERS, 1)[:, 0]
        measured = (h[:, steps] * h[:, :1].conj()).mean(0)
        profile = delay_profile(family, model)
        offsets_hz = steps * SUBCARRIER_HZ
        turns = np.exp(-2j * np.pi * np.outer(offsets_hz, profile.delays) * SPREAD_NS * 1e-9)
        law = turns @ profile.powers
        axis.plot(offsets_hz / 1e6, np.abs(measured), ".", ms=3, color=color, label=name)
        axis.plot(offsets_hz / 1e6, np.abs(law), color=LAW, lw=0.8)
        print(f"{name}, frequency correlation: largest distance {np.abs(measured - law).max():.3f}")
    axis.set(xlabel="offset / MHz", ylim=(0, 1.05), title="correlation over frequency, magnitude")
    axis.legend(frameon=False, fontsize=8)


def draw_time(axis: Axes, family: str, images: int) -> None:
    """Re E[h(t + lag) h*(t)]: TDL against Clarke's J0 and a path at 0.7 f_d, CDL ray by ray."""
    for model, color in COLORS.items():
        name = f"{family}-{model}"
        made, h = channel(name, 1), gains(name, images, 1, SYMBOLS)[:, :, 0]
        lags_s = np.arange(SYMBOLS) * made.grid.symbol_s
        measured = (h * h[:, :1].conj()).mean(0)
        if family == "tdl":
            turn, profile = 2 * np.pi * made.paths.doppler_hz * lags_s, delay_profile("tdl", model)
            specular = profile.powers[0] if profile.line_of_sight else 0.0
            law = specular * np.exp(0.7j * turn) + (1 - specular) * j0(turn)
        else:
            law = made.paths.covariance(lags_s, np.zeros(1))[:, 0]
        axis.plot(lags_s * 1e3, measured.real, ".", ms=3, color=color, label=name)
        axis.plot(lags_s * 1e3, law.real, color=LAW, lw=0.8)
        print(f"{name}, time correlation: largest distance {np.abs(measured - law).max():.3f}")
    axis.set(xlabel="lag / ms", ylim=(-1.05, 1.05), title="correlation over time, real part")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=4000, help="independent images")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(2, 3, figsize=(13, 7), constrained_layout=True)
    for row, family in zip(axes, ("tdl", "cdl"), strict=True):
        draw_delays(row[0], family, options.images)
        draw_frequency(row[1], family, options.images)
        draw_time(row[2], family, options.images)
    figure.savefig(options.out / "channel_ofdm.png", dpi=110)


if __name__ == "__main__":
    main()
