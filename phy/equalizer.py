"""Equalizers of a flat channel y = h x + n, and their contributions to a combining buffer.

An equalizer estimates x. A combining buffer adds, over the transmissions of a symbol, unbiased
estimates weighted by their SNR. With E|x|^2 = 1, for each symbol:

| name | estimate | error variance | weight in the buffer |
|---|---|---|---|
| none | y | no: h is taken as 1 | one SNR for all symbols |
| zf   | y / h | no / abs(h)^2 | one SNR per transmission, from the mean squared error |
| mmse | h* y / (abs(h)^2 + no) | no / (abs(h)^2 + no) | one SNR per transmission, likewise |
| mrc  | h* y / abs(h)^2, without the division | no / abs(h)^2 | the SNR of each symbol |

h* y and |h|^2 are a sufficient statistic. If each symbol kept its own SNR, zf, mmse and mrc would
therefore be equivalent. Here zf and mmse keep one SNR per transmission, so that a symbol in a deep
fade has the same weight as any other; this is their loss against mrc. With one gain per
transmission (block fading) the three agree. After a single transmission matched / (1 + weight) is
the MMSE estimate for mmse and mrc, so that these two differ only from the second transmission on.

The formulas hold for real signaling too, dimension by dimension; no is then the variance of the
noise in a dimension in which x has unit power.

Source: Tse and Viswanath, Fundamentals of Wireless Communication, 2005, sections 3.2.1 (matched
filter) and A.3.3 (linear MMSE).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from phy.channel import Received, multiply


class Equalized(NamedTuple):
    """The output of an equalizer.

    Attributes:
        estimate: [batch, uses] complex estimate of x, 0 where h = 0.
        variance: [batch, uses] variance of its error given h, infinite where there is no estimate.
    """

    estimate: Complex[Tensor, "batch uses"]
    variance: Float[Tensor, "batch uses"]


class Combinable(NamedTuple):
    """The contribution of one transmission to a combining buffer, which adds both tensors.

    Attributes:
        matched: [batch, uses] complex unbiased estimate times its weight.
        weight: [batch, uses] SNR of the estimate, 0 where h = 0.
    """

    matched: Complex[Tensor, "batch uses"]
    weight: Float[Tensor, "batch uses"]


def ignore_channel(received: Received) -> Equalized:
    """Takes y as the estimate of x, as over AWGN; gain and phase of h are not removed.

    >>> one = torch.ones(1, 1)
    >>> ignore_channel(Received(torch.tensor([[2j]]), torch.tensor([[2 + 0j]]), one)).estimate
    tensor([[0.+2.j]])
    """
    y, h, no = received
    sent = h != 0  # h = 0 marks a use in which nothing was sent
    return Equalized(y * sent, torch.where(sent, no.expand(y.shape), torch.inf))


def zero_forcing(received: Received) -> Equalized:
    """Returns y / h, which is unbiased; the noise grows by 1 / |h|^2.

    >>> one = torch.ones(1, 1)
    >>> zero_forcing(Received(torch.tensor([[2j]]), torch.tensor([[2 + 0j]]), one))
    Equalized(estimate=tensor([[0.+1.j]]), variance=tensor([[0.2500]]))
    """
    y, h, no = received
    gain = multiply(h.conj(), h).real
    inverse = torch.where(gain > 0, 1 / gain, 0.0)
    matched = multiply(h.conj(), y)
    estimate = torch.complex(matched.real * inverse, matched.imag * inverse)
    return Equalized(estimate, torch.where(gain > 0, no / gain, torch.inf))


def mmse(received: Received) -> Equalized:
    """Returns h* y / (|h|^2 + no), the linear estimate of minimum mean squared error.

    >>> one = torch.ones(1, 1)
    >>> mmse(Received(torch.tensor([[5j]]), torch.tensor([[2 + 0j]]), one))
    Equalized(estimate=tensor([[0.+2.j]]), variance=tensor([[0.2000]]))
    """
    y, h, no = received
    scale = 1 / (multiply(h.conj(), h).real + no)
    matched = multiply(h.conj(), y)
    estimate = torch.complex(matched.real * scale, matched.imag * scale)
    return Equalized(estimate, no * scale)


def combine_none(received: Received) -> Combinable:
    """Weights y by the SNR 1 / no for each symbol.

    >>> no = torch.full((1, 1), 0.5)
    >>> combine_none(Received(torch.tensor([[2j]]), torch.tensor([[2 + 0j]]), no))
    Combinable(matched=tensor([[0.+4.j]]), weight=tensor([[2.]]))
    """
    estimate, variance = ignore_channel(received)
    return Combinable(_scaled(estimate, 1 / received.no), 1 / variance)


def combine_zf(received: Received) -> Combinable:
    """Weights zero-forcing estimates by one SNR per transmission, 1 over their mean squared error.

    >>> y, h = torch.tensor([[2j, 1j]]), torch.tensor([[2 + 0j, 1 + 0j]])
    >>> combine_zf(Received(y, h, torch.full((1, 1), 0.4))).weight  # MSE (0.1 + 0.4) / 2
    tensor([[4., 4.]])
    """
    estimate, variance = zero_forcing(received)
    sent = variance.isfinite()
    snr = 1 / _mean(variance, sent)
    return Combinable(_scaled(estimate, snr), snr * sent)


def combine_mmse(received: Received) -> Combinable:
    """Weights MMSE estimates by one SNR per transmission, from 1 / MSE = 1 + SNR.

    >>> no = torch.full((1, 1), 0.5)
    >>> combine_mmse(Received(torch.tensor([[2j]]), torch.tensor([[1 + 0j]]), no)).weight
    tensor([[2.]])
    """
    estimate, variance = mmse(received)
    sent = received.h.expand_as(variance) != 0
    inverse = 1 / _mean(variance, sent)
    # The unbiased estimate is estimate / (1 - MSE); its SNR is (1 - MSE) / MSE.
    return Combinable(_scaled(estimate, inverse), (inverse - 1).clamp_min(0) * sent)


def combine_mrc(received: Received) -> Combinable:
    """Returns h* y / no and |h|^2 / no; adding these is maximum-ratio combining.

    >>> no = torch.full((1, 1), 0.5)
    >>> combine_mrc(Received(torch.tensor([[2j]]), torch.tensor([[2 + 0j]]), no))
    Combinable(matched=tensor([[0.+8.j]]), weight=tensor([[8.]]))
    """
    y, h, no = received
    return Combinable(_scaled(multiply(h.conj(), y), 1 / no), multiply(h.conj(), h).real * (1 / no))


#: Function from a received burst to its contribution to a combining buffer, by name.
COMBINERS: dict[str, Callable[[Received], Combinable]] = {
    "none": combine_none,
    "zf": combine_zf,
    "mmse": combine_mmse,
    "mrc": combine_mrc,
}


def _scaled(z: Tensor, scale: Tensor) -> Tensor:
    """Multiplies z by a real tensor; the complex product of torch would make 0 inf a NaN."""
    return torch.complex(z.real * scale, z.imag * scale)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Returns the mean of each row over some of its entries, [batch, 1]; 1 for no entry."""
    total = torch.where(where, values, 0.0).sum(1, keepdim=True)
    count = where.sum(1, keepdim=True)
    return torch.where(count > 0, total / count, 1.0)
