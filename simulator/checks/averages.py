"""Averages of a channel's gain and noise: of first transmissions, and of what comes late."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from phy.channel import Channel, Fading, gains, multiply
from simulator.checks.report import Finding, mean_is
from simulator.checks.sounding import NO, send, sounding_input, sounding_streams

#: Images and uses of the averages.
MANY, FEW_USES = 2048, 16
#: Noise variances at 30, 20, 0, -10 and -30 dB.
OTHER_NO = (1e-3, 1e-2, 1.0, 10.0, 1e3)
#: Transmissions of an image, uses of a long burst, and images, of the averages of what comes late.
TRANSMISSIONS, LONG, SEVERAL = 4, 2048, 256


def averages(channel: Channel) -> Iterator[Finding]:
    """Compares the average gain and noise with what the channel declares.

    What comes late is the last transmission of an image and the end of a long burst. It is judged where
    the first transmission is right: one mistake is one failure.
    """
    x = sounding_input(MANY, FEW_USES)
    h, received, _ = send(channel, sounding_streams(np.arange(MANY)), x)
    gain = mean_is("average gain E|h|^2", _mean_power(h), channel.average_gain)
    yield gain
    silence = send(channel, sounding_streams(np.arange(MANY), seed=1), torch.zeros_like(x))[1]
    yield mean_is("noise power over no, nothing sent", _mean_power(silence.y) / NO, 1.0)
    rest = received.y - multiply(received.h, x)
    csir = received.no.expand_as(rest.real).sqrt()
    noise = mean_is(
        "|y - h x|^2 over the no that the receiver knows", _mean_power(rest / csir), 1.0
    )
    yield noise
    if noise.ok:
        yield _other_snrs(channel)
    if gain.ok:
        yield _last_transmission(channel)
    yield from (
        finding
        for finding, ok in zip(_end_of_burst(channel), (gain.ok, noise.ok), strict=True)
        if ok
    )


def _other_snrs(channel: Channel) -> Finding:
    """The first SNR at which the noise is wrong; the others are at `NO`."""
    x = sounding_input(SEVERAL, FEW_USES)
    found = []
    for no in OTHER_NO:
        streams = sounding_streams(np.arange(SEVERAL), seed=2)
        _, received, _ = send(channel, streams, x, no=no)
        rest = received.y - multiply(received.h, x)
        csir = received.no.expand_as(rest.real).sqrt()
        name = f"|y - h x|^2 over the no that the receiver knows, at {-10 * math.log10(no):g} dB"
        found.append(mean_is(name, _mean_power(rest / csir), 1.0))
    return next((finding for finding in found if not finding.ok), found[0])


def _last_transmission(channel: Channel) -> Finding:
    rows = np.arange(MANY)
    streams, state = sounding_streams(rows), None
    drawn: list[Tensor | Fading] = []
    for transmission in range(TRANSMISSIONS):
        fading = streams.rows(rows, transmission).for_role("fading")
        h, state = channel.draw(fading, FEW_USES, state)
        drawn.append(h)
    name = f"average gain E|h|^2 of transmission {TRANSMISSIONS}"
    return mean_is(name, _mean_power(gains(drawn[-1])), channel.average_gain)


def _end_of_burst(channel: Channel) -> tuple[Finding, Finding]:
    x = sounding_input(SEVERAL, LONG)
    h, received, _ = send(channel, sounding_streams(np.arange(SEVERAL)), x)
    late = f"the last {FEW_USES} of {LONG} uses"
    end = h.expand_as(x)[:, -FEW_USES:]
    rest = received.y - multiply(received.h, x)
    csir = received.no.expand_as(rest.real).sqrt()
    power = _mean_power((rest / csir)[:, -FEW_USES:])
    return (
        mean_is(f"average gain E|h|^2 of {late}", _mean_power(end), channel.average_gain),
        mean_is(f"|y - h x|^2 over no, in {late}", power, 1.0),
    )


def _mean_power(values: Tensor) -> np.ndarray:
    """[images] average of |value|^2 over the uses."""
    power: np.ndarray = values.abs().double().square().mean(1).numpy()
    return power
