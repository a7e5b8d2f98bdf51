"""The flat laws in closed form, each beside the channel that is to follow it: one list for tests.

Everything follows from the distribution of the power |h|^2 and from its Laplace transform
M(s) = E exp(-s |h|^2): error rates by Craig's formula, ergodic capacity by Hamdi's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import integrate, special, stats

from phy.channel import Channel
from phy.channels.fading import Awgn, Rayleigh, Rician
from phy.channels.gilbert_elliott import GilbertElliott
from phy.channels.nakagami import Nakagami
from phy.channels.shadowing import Shadowed
from phy.channels.simo import Simo

Floats = npt.NDArray[np.float64]
Function = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Law:
    """A channel by its fading, and the law of |h|^2; `cdf` is None where powers are discrete."""

    make: Callable[[str], Channel]
    transform: Function
    cdf: Function | None
    memory: bool = False
    mean: float = 1.0


def rician(k: float) -> Law:
    """(2 K + 2) |h|^2 is non-central chi-square with two degrees of freedom."""
    cdf = stats.ncx2(2, 2 * k).cdf if k else stats.chi2(2).cdf
    return Law(
        lambda fading: Rician(k, fading),
        lambda s: (1 + k) / (1 + k + s) * np.exp(-k * s / (1 + k + s)),
        lambda g: cdf(2 * (k + 1) * g),
    )


def nakagami(m: float) -> Law:
    return Law(
        lambda fading: Nakagami(m, fading),
        lambda s: (1 + s / m) ** -m,
        stats.gamma(m, scale=1 / m).cdf,
    )


def simo(law: Law, antennas: int, cdf: Function) -> Law:
    return Law(
        lambda fading: Simo(law.make(fading), antennas),
        lambda s: law.transform(s) ** antennas,
        cdf,
        law.memory,
        antennas,
    )


def shadowed(law: Law, sigma_db: float) -> Law:
    """Gauss-Hermite over the shadowing."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    sigma = sigma_db * np.log(10) / 10
    powers = np.exp(sigma * nodes - sigma**2 / 2)
    weights = weights / weights.sum()

    def mean(of: Function, factor: Function) -> Function:
        return lambda v: of(np.multiply.outer(v, factor(powers))) @ weights

    return Law(
        lambda fading: Shadowed(law.make(fading), sigma_db),
        mean(law.transform, lambda p: p),
        None if law.cdf is None else mean(law.cdf, lambda p: 1 / p),
        memory=True,
    )


def bursts(law: Law, **arguments: float) -> Law:
    channel = GilbertElliott(Awgn(), **arguments)
    shares, powers = (1 - channel.bad_share, channel.bad_share), channel.power_gains
    cdf = law.cdf
    return Law(
        lambda fading: GilbertElliott(law.make(fading), **arguments),
        lambda s: sum(w * law.transform(p * s) for w, p in zip(shares, powers, strict=True)),
        None
        if cdf is None
        else lambda g: sum(w * cdf(g / p) for w, p in zip(shares, powers, strict=True)),
        memory=True,
    )


RAYLEIGH = Law(Rayleigh, lambda s: 1 / (1 + s), stats.expon.cdf)
AWGN = Law(lambda fading: Awgn(), lambda s: np.exp(-s), None)
_SIGMA = 4 * np.log(10) / 10

LAWS: dict[str, Law] = {
    "rayleigh": RAYLEIGH,
    "rician K=0": rician(0.0),
    "rician K=2": rician(2.0),
    "rician K=10": rician(10.0),
    "nakagami m=0.5": nakagami(0.5),
    "nakagami m=1.7": nakagami(1.7),
    "nakagami m=8": nakagami(8.0),
    "shadowed awgn 4 dB": Law(
        lambda fading: Shadowed(Awgn(), 4.0),
        shadowed(AWGN, 4.0).transform,
        stats.lognorm(_SIGMA, scale=np.exp(-(_SIGMA**2) / 2)).cdf,
        memory=True,
    ),
    "shadowed rician K=2, 3 dB": shadowed(rician(2.0), 3.0),
    "bursts over awgn": bursts(AWGN, good_to_bad=0.05, bad_to_good=0.2, bad_db=-10.0),
    "bursts over rayleigh": bursts(RAYLEIGH, good_to_bad=0.6, bad_to_good=0.8),
    "2 antennas, rayleigh": simo(RAYLEIGH, 2, stats.gamma(2).cdf),
    "3 antennas, rician K=2": simo(rician(2.0), 3, lambda g: stats.ncx2(6, 12).cdf(6 * g)),
    "4 antennas, nakagami m=0.5": simo(nakagami(0.5), 4, stats.gamma(2, scale=2.0).cdf),
}


def mean_q(law: Law, square: float) -> float:
    """E Q(sqrt(square |h|^2)): Craig, Q(x) = 1 / pi int_0^{pi/2} exp(-x^2 / (2 sin^2)) d."""
    return (
        integrate.quad(
            lambda angle: float(law.transform(np.asarray(square / (2 * np.sin(angle) ** 2)))),
            0,
            np.pi / 2,
        )[0]
        / np.pi
    )


def bit_error_rate(law: Law, modulation: str, snr: float) -> float:
    """Of BPSK and Gray-labeled 16-QAM."""
    if modulation == "bpsk":
        return mean_q(law, 2 * snr)
    q1, q3, q5 = (mean_q(law, i * i * snr / 5) for i in (1, 3, 5))
    return (3 * q1 + 2 * q3 - q5) / 4


def ergodic_capacity(law: Law, snr: float) -> float:
    """E log2(1 + snr |h|^2) = int_0^inf (1 - M(snr s)) e^-s / s ds / ln 2 (Hamdi, 2008)."""
    value, _ = integrate.quad(
        lambda s: float(1 - law.transform(np.asarray(snr * s))) * np.exp(-s) / s, 0, np.inf
    )
    return value / np.log(2)


def rayleigh_capacity(snr: float) -> float:
    """The textbook's closed form, to check the integral by."""
    return float(np.exp(1 / snr) * special.exp1(1 / snr) / np.log(2))
