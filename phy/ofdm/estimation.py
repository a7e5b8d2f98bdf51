"""Channel estimation from pilots: the gain of a data element is a weighted sum of pilots near it.

    LS at the pilots       h_p = y_p / x_p = h + n / x_p
    "ls"      h_hat = linear interpolation between the two neighbors in the same symbol
    "lmmse"   h_hat = R_dp (R_pp + no I)^-1 h_p over the nearest pilots of this and earlier symbols

No estimator uses a pilot behind the one that closes the block of the element. So the estimate at
the start of a burst depends neither on the length of the burst nor on the longest of the batch.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Complex, Float
from numpy.typing import NDArray
from torch import Tensor

from phy.channel import multiply
from phy.ofdm.grid import OfdmGrid
from phy.ofdm.paths import PathModel
from phy.snr import POWER

ESTIMATORS = ("ls", "lmmse")
#: Number of pilots per symbol, and of symbols, in an LMMSE estimate.
NEAREST, SYMBOLS = 8, 4
#: Below this noise variance a covariance in float64 is nearly singular.
_LEAST_NO = 1e-10


class Interpolator(NamedTuple):
    """Weights of the pilots for the data elements of one symbol.

    Attributes:
        lag: [terms] age of the pilot of each term, in symbols.
        pilot: [data, terms] index of the pilot within its symbol.
        weight: [data, terms] complex weights.
        error_variance: [data] E|h - h_hat|^2, the part that the estimator can compute.
    """

    lag: NDArray[np.int64]
    pilot: NDArray[np.int64]
    weight: NDArray[np.complex128]
    error_variance: NDArray[np.float64]


@lru_cache(maxsize=64)
def linear(grid: OfdmGrid, no: float) -> Interpolator:
    """Returns the weights of linear interpolation in frequency ("ls").

    The stated error variance is that of the noise, no sum |w|^2. The interpolation error of the
    channel itself is unknown to this estimator.

    Args:
        grid: Positions of data and pilots.
        no: Variance of the complex noise.

    Returns:
        Weights with two terms per data element.

    >>> law = linear(OfdmGrid(subcarriers=5, pilot_spacing=4), 0.1)  # pilots at 0 and 4
    >>> law.weight.real
    array([[0.75, 0.25],
           [0.5 , 0.5 ],
           [0.25, 0.75]])
    >>> law.error_variance
    array([0.0625, 0.05  , 0.0625])
    """
    right = np.searchsorted(grid.pilots, grid.data)
    pilot = np.stack([right - 1, right], 1)
    left, right = grid.pilots[pilot].T
    share = (grid.data - left) / (right - left)
    weight = np.stack([1 - share, share], 1)
    variance = no / POWER * np.square(weight).sum(1)
    return Interpolator(np.zeros(2, np.int64), pilot, weight.astype(np.complex128), variance)


@lru_cache(maxsize=64)
def wiener(grid: OfdmGrid, paths: PathModel, no: float, symbols: int) -> Interpolator:
    """Returns the weights of the linear MMSE estimate, given the delay-Doppler covariance.

    Source: Hoeher, Kaiser and Robertson, "Two-dimensional pilot-symbol-aided channel estimation by
    Wiener filtering", ICASSP 1997.

    Args:
        grid: Positions of data and pilots.
        paths: Path model with the covariance of the channel.
        no: Variance of the complex noise.
        symbols: Number of symbols whose pilots are used, the current one and earlier ones.

    Returns:
        Weights with up to `NEAREST` terms per symbol.
    """
    closing = np.searchsorted(grid.pilots, grid.data)[:, None]
    order = np.arange(len(grid.pilots))
    distance = np.abs(grid.data[:, None] - grid.pilots).astype(np.float64)
    nearest = np.argsort(distance, 1, kind="stable")[:, :NEAREST]
    so_far = np.argsort(np.where(order > closing, np.inf, distance), 1, kind="stable")[:, :NEAREST]
    pilot = np.concatenate([so_far, *[nearest] * (symbols - 1)], 1)
    lag = np.repeat(np.arange(symbols, dtype=np.int64), nearest.shape[1])
    sent = (pilot <= closing) | (lag > 0)  # [data, terms]
    # covariance[symbols - 1 + lag, subcarriers - 1 + offset], for all that occur on the grid
    lags = np.arange(1 - symbols, symbols, dtype=np.float64) * grid.symbol_s
    offsets = (
        np.arange(1 - grid.subcarriers, grid.subcarriers, dtype=np.float64) * grid.subcarrier_hz
    )
    covariance = paths.covariance(lags, offsets)
    now, here = symbols - 1, grid.subcarriers - 1
    where = grid.pilots[pilot]
    r_dp = covariance[now + lag, here + grid.data[:, None] - where] * sent
    r_pp = covariance[
        now + lag[None, :] - lag[:, None], here + where[:, :, None] - where[:, None, :]
    ]
    r_pp = r_pp * (sent[:, :, None] & sent[:, None, :])
    r_pp += max(no / POWER, _LEAST_NO) * np.eye(len(lag))
    # w R_pp = r_dp, and R_pp is Hermitian; a pilot that is not sent gets the weight 0
    weight = np.linalg.solve(r_pp.conj(), r_dp[..., None])[..., 0]
    explained = (weight * r_dp.conj()).real.sum(1)
    variance = np.maximum(covariance[now, here].real - explained, 0.0)
    return Interpolator(lag, pilot, weight, variance)


def interpolators(
    estimator: str, grid: OfdmGrid, paths: PathModel, no: float
) -> tuple[Interpolator, ...]:
    """Returns the interpolators of the first, second, ... symbol of a burst.

    Later symbols use the last interpolator.

    Args:
        estimator: "ls", or "lmmse", which knows the covariance of the channel.
        grid: Positions of data and pilots.
        paths: Path model with the covariance of the channel.
        no: Variance of the complex noise.

    Returns:
        One interpolator for "ls", and one per number of received symbols for "lmmse".
    """
    if estimator == "ls":
        return (linear(grid, no),)
    return tuple(wiener(grid, paths, no, seen) for seen in range(1, SYMBOLS + 1))


def interpolate(
    pilots: Complex[Tensor, "batch pilots"],
    grid: OfdmGrid,
    laws: tuple[Interpolator, ...],
    uses: int,
) -> tuple[Complex[Tensor, "batch {uses}"], Float[Tensor, "1 {uses}"]]:
    """Estimates the gains of a burst.

    Args:
        pilots: [batch, pilots] LS estimates, symbol after symbol.
        grid: Positions of data and pilots.
        laws: Interpolators from `interpolators`.
        uses: Complex channel uses of the burst.

    Returns:
        h_hat [batch, uses] complex64, and the stated error variance [1, uses].

    >>> grid = OfdmGrid(subcarriers=5, pilot_spacing=4)
    >>> h_hat, _ = interpolate(torch.tensor([[1 + 0j, 5 + 4j]]), grid, (linear(grid, 0.1),), 3)
    >>> h_hat
    tensor([[2.+1.j, 3.+2.j, 4.+3.j]])
    """
    h_hat = pilots.new_zeros(len(pilots), uses)
    variance = pilots.real.new_zeros(1, uses)
    starts = range(0, uses, len(grid.data))
    for symbol, start in enumerate(starts):
        law = laws[min(symbol, len(laws) - 1)]
        here = h_hat[:, start : start + len(grid.data)]
        index = (symbol - law.lag) * len(grid.pilots) + law.pilot[: here.shape[1]]
        # A pilot that is not sent yet has the weight 0: any place will do.
        places = torch.from_numpy(index.clip(max=pilots.shape[1] - 1)).to(pilots.device)
        weight = torch.from_numpy(law.weight[: here.shape[1]].astype(np.complex64)).to(here.device)
        # Term by term: a matrix product may round differently for another number of images.
        for j in range(len(law.lag)):
            here += multiply(pilots[:, places[:, j]], weight[:, j])
        known = torch.from_numpy(law.error_variance[: here.shape[1]].astype(np.float32))
        variance[:, start : start + len(grid.data)] = known.to(here.device)
    return h_hat, variance
