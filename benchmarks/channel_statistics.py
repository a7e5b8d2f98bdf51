"""Statistics of the flat channels against their laws, for docs/channels.md.

    python benchmarks/channel_statistics.py --images 10000 --out docs/figures

Writes channel_envelopes.png (histograms of |h| over independent images against the densities),
channel_time.png (autocorrelation against J0, level crossings against Rice's rate, bursts), and
prints the largest distances.
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
from scipy import stats
from scipy.special import j0

from phy.channel import Channel
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.channels.gilbert_elliott import GilbertElliott
from phy.channels.jakes import SPEED_OF_LIGHT_MPS, Jakes
from phy.channels.nakagami import Nakagami
from phy.channels.shadowing import Shadowed
from phy.channels.simo import Simo
from phy.streams import Streams

SHADOW = 4 * np.log(10) / 20  # sigma of ln |h| for sigma_db = 4
ENVELOPES: dict[str, tuple[Channel, stats.rv_continuous]] = {
    "rayleigh": (Rayleigh(), stats.rayleigh(scale=0.5**0.5)),
    "rician, k_factor=2": (Rician(2.0), stats.rice(2.0, scale=(1 / 6) ** 0.5)),
    "rician, k_factor=10": (Rician(10.0), stats.rice(20**0.5, scale=(1 / 22) ** 0.5)),
    "nakagami, m=0.5": (Nakagami(0.5), stats.nakagami(0.5)),
    "nakagami, m=4": (Nakagami(4.0), stats.nakagami(4.0)),
    "shadowed, over=awgn": (
        Shadowed(Awgn(), 4.0),
        stats.lognorm(SHADOW, scale=np.exp(-(SHADOW**2))),
    ),
    "simo, over=rayleigh antennas=2": (
        Simo(Rayleigh(), 2),
        stats.nakagami(2.0, scale=2**0.5),
    ),
    "simo, over=rayleigh antennas=4": (Simo(Rayleigh(), 4), stats.nakagami(4.0, scale=2.0)),
}
MOTION = {"speed_mps": 10.0, "carrier_hz": 5.9e9, "bandwidth_hz": 20e3, "interval_s": 1e-3}
DATA, LAW = "#2f6f9f", "#c2451e"


def slots(channel: Channel, images: int, uses: int, count: int) -> npt.NDArray[np.complex128]:
    """[images, count * uses] gains of slots in a row."""
    drawn, state = [], None
    for slot in range(count):
        h, state = channel.draw(Streams(0, "statistics", np.arange(images), slot), uses, state)
        drawn.append(h.numpy().astype(np.complex128))
    return np.concatenate(drawn, axis=1)


def draw_envelopes(images: int, path: Path) -> None:
    """One histogram for each law."""
    figure, axes = plt.subplots(2, 4, figsize=(13, 5.4), constrained_layout=True)
    for axis, (name, (channel, law)) in zip(axes.flat, ENVELOPES.items(), strict=True):
        envelope = np.abs(slots(channel, images, 1, 1)[:, 0])
        fit = stats.kstest(envelope, law.cdf)
        top = float(law.ppf(0.9995))
        grid = np.linspace(1e-3, top, 400)
        axis.hist(envelope, bins=60, range=(0, top), density=True, color=DATA, alpha=0.55)
        axis.plot(grid, law.pdf(grid), color=LAW, lw=1.6)
        axis.set(title=name, xlabel="|h|", xlim=(0, top))
        axis.title.set_fontsize(10)
        print(f"{name}: distance {fit.statistic:.4f}, p = {fit.pvalue:.2f}")
    for axis in axes[:, 0]:
        axis.set_ylabel("density")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_autocorrelation(axis: Axes, images: int) -> None:
    """E[h(0) h*(tau)] over five slots of a moving receiver."""
    doppler = Jakes(**MOTION).doppler_hz
    lag_s = np.arange(100) / MOTION["bandwidth_hz"]
    for k, color in ((0.0, DATA), (2.0, "#4b9e5f")):
        h = slots(Rician(k, "jakes", **MOTION), images, 20, 5)
        measured = (h * h[:, :1].conj()).mean(0).real
        law = (k + j0(2 * np.pi * doppler * lag_s)) / (k + 1)
        name = "rayleigh" if k == 0 else f"rician, k_factor={k:g}"
        axis.plot(lag_s * 1e3, measured, ".", ms=4, color=color, label=name)
        axis.plot(lag_s * 1e3, law, color=LAW, lw=1, label="law" if k else None)
        print(f"autocorrelation, {name}: largest distance {np.abs(measured - law).max():.4f}")
    for start in range(1, 5):
        axis.axvline(start, color="0.85", lw=0.8, zorder=0)
    axis.set(xlabel="lag / ms (a slot is 1 ms)", title="jakes: autocorrelation, 10 m/s, 5.9 GHz")
    axis.legend(frameon=False)


def draw_crossings(axis: Axes, images: int) -> None:
    """Upward crossings of a level, for f_d = 0.005 / use."""
    doppler, uses = 0.005, 1000
    fine = Rayleigh("jakes", doppler * SPEED_OF_LIGHT_MPS, 1.0, 1.0, 1.0)
    envelope = np.abs(slots(fine, max(1, images // 5), uses, 1))
    level = 10 ** (np.arange(-20, 7, 2) / 20)
    up = [((envelope[:, :-1] < r) & (envelope[:, 1:] >= r)).mean() for r in level]
    law = np.sqrt(2 * np.pi) * level * np.exp(-(level**2))
    axis.semilogy(20 * np.log10(level), np.array(up) / doppler, "o", ms=4, color=DATA)
    axis.semilogy(20 * np.log10(level), law, color=LAW, lw=1)
    axis.set(xlabel="level over rms / dB", ylabel="rate / f_d", title="jakes: level crossings")


def draw_bursts(axis: Axes) -> None:
    """One image's path through both states."""
    channel = GilbertElliott(Rician(10.0), 0.01, 0.1, -20.0)
    power_db = 20 * np.log10(np.abs(slots(channel, 3, 400, 1)[1]))
    axis.plot(power_db, color=DATA, lw=0.8)
    axis.set(xlabel="channel use", ylabel="|h|^2 / dB", title="gilbert-elliott over rician, K = 10")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000, help="independent images")
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    draw_envelopes(options.images, options.out / "channel_envelopes.png")
    figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), constrained_layout=True)
    draw_autocorrelation(axes[0], options.images)
    draw_crossings(axes[1], options.images)
    draw_bursts(axes[2])
    figure.savefig(options.out / "channel_time.png", dpi=110)


if __name__ == "__main__":
    main()
