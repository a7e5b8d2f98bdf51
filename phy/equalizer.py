"""Equalizers of a flat channel y = h x + n: estimates of x, and what a combining buffer adds up.

With E|x|^2 = 1, symbol by symbol:

| name | estimate | error variance | combined with others by |
|---|---|---|---|
| none | y | no: h is taken for 1 | one SNR for all |
| zf   | y / h | no / abs(h)^2 | one SNR a slot, of its mean squared error |
| mmse | h* y / (abs(h)^2 + no) | no / (abs(h)^2 + no) | one SNR a slot, of its mean squared error |
| mrc  | h* y / abs(h)^2, never divided | no / abs(h)^2 | the SNR of every symbol |

Where each symbol keeps an SNR of its own, zf, mmse and mrc say the same: h* y and |h|^2 are
sufficient. What zf and mmse lose against mrc is just that: behind them a slot is a vector of
estimates with one SNR, in which a symbol of a deep fade looks like any other. With one gain for
the whole slot (block fading) the three agree; and after a single transmission matched / (1 + weight)
is the MMSE estimate for mmse and mrc alike, so that these two part with the second.

All of this holds for real signaling too, dimension by dimension, with no the variance of the
noise in a dimension in which x has unit power.

Source: Tse and Viswanath, Fundamentals of Wireless Communication, 2005, sections 3.2.1 (matched
filter) and A.3.3 (linear MMSE).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from phy.channel import Received, multiply


class Equalized(NamedTuple):
    """What an equalizer gives.

    Attributes:
        estimate: [batch, uses] complex estimate of x, 0 where h = 0.
        variance: [batch, uses] variance of its error given h, infinite for no estimate at all.
    """

    estimate: Tensor
    variance: Tensor


class Combinable(NamedTuple):
    """What a buffer adds up over the transmissions of a symbol (sums of both are sufficient).

    Attributes:
        matched: [batch, uses] complex, unbiased estimate times weight.
        weight: [batch, uses] its SNR; 0 where h = 0.
    """

    matched: Tensor
    weight: Tensor


def ignore_channel(received: Received) -> Equalized:
    """y for x, as over AWGN: gain and phase of h stay in it."""
    y, h, no = received
    sent = h != 0  # where nothing was sent there is nothing to estimate
    return Equalized(y * sent, torch.where(sent, no.expand(y.shape), torch.inf))


def zero_forcing(received: Received) -> Equalized:
    """y / h: unbiased, noise enhanced by 1 / |h|^2."""
    y, h, no = received
    gain = multiply(h.conj(), h).real
    inverse = torch.where(gain > 0, 1 / gain, 0.0)
    matched = multiply(h.conj(), y)
    estimate = torch.complex(matched.real * inverse, matched.imag * inverse)
    return Equalized(estimate, torch.where(gain > 0, no / gain, torch.inf))


def mmse(received: Received) -> Equalized:
    """h* y / (|h|^2 + no): the least mean squared error, drawn towards 0 where h is small."""
    y, h, no = received
    scale = 1 / (multiply(h.conj(), h).real + no)
    matched = multiply(h.conj(), y)
    estimate = torch.complex(matched.real * scale, matched.imag * scale)
    return Equalized(estimate, no * scale)


def combine_none(received: Received) -> Combinable:
    """y, every symbol with the SNR 1 / no."""
    estimate, variance = ignore_channel(received)
    return Combinable(_scaled(estimate, 1 / received.no), 1 / variance)


def combine_zf(received: Received) -> Combinable:
    """Zero-forcing estimates, all of a slot with the SNR of their mean squared error."""
    estimate, variance = zero_forcing(received)
    heard = variance.isfinite()
    snr = 1 / _mean(variance, heard)
    return Combinable(_scaled(estimate, snr), snr * heard)


def combine_mmse(received: Received) -> Combinable:
    """MMSE estimates, all of a slot with the SNR of their mean squared error: 1 / MSE = 1 + SNR."""
    estimate, variance = mmse(received)
    heard = received.h.expand_as(variance) != 0
    inverse = 1 / _mean(variance, heard)
    # Unbiased is the estimate over 1 - MSE; times the SNR (1 - MSE) / MSE, this is:
    return Combinable(_scaled(estimate, inverse), (inverse - 1).clamp_min(0) * heard)


def combine_mrc(received: Received) -> Combinable:
    """Matched filter h* y / no and |h|^2 / no: maximum-ratio combining when they are added up."""
    y, h, no = received
    return Combinable(_scaled(multiply(h.conj(), y), 1 / no), multiply(h.conj(), h).real * (1 / no))


#: What stands between a burst and a combining buffer, by name.
COMBINERS: dict[str, Callable[[Received], Combinable]] = {
    "none": combine_none,
    "zf": combine_zf,
    "mmse": combine_mmse,
    "mrc": combine_mrc,
}


def _scaled(z: Tensor, scale: Tensor) -> Tensor:
    """z times a real tensor, part by part: torch's complex product would make 0 inf a NaN."""
    return torch.complex(z.real * scale, z.imag * scale)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """[batch, 1], the mean of each row over some of its places; 1 for none."""
    total = torch.where(where, values, 0.0).sum(1, keepdim=True)
    count = where.sum(1, keepdim=True)
    return torch.where(count > 0, total / count, 1.0)
