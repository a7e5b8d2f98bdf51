"""Calibration of the distortion threshold t (SemHARQ eq. 8) over the SNR range.

The calibrated t makes receivers request, on average, a given share of a slot again; the default
share is one half (SemHARQ v2, Table II). The distribution of the distortion depends on the SNR,
which both ends know. Therefore t is a function of the SNR.
"""

from __future__ import annotations

import torch
from torch import Tensor

from semantic.distortion.threshold import calibrate_threshold
from semantic.link.network import RATIOS, LinkNetwork
from semantic.link.protocol import Protocol
from semantic.link.selector import Plan
from semantic.training.round_trip import (
    FeatureBudget,
    TrainingChannel,
    sending_order,
    transmit_slot,
    unit_power,
)

#: Images and transmissions of each that one calibration uses.
IMAGES, TRANSMISSIONS = 512, 4


def calibrate_thresholds(
    network: LinkNetwork,
    protocol: Protocol,
    s: Tensor,
    channel: TrainingChannel,
    budget: FeatureBudget,
    seed: int = 0,
) -> None:
    """Sets `network.threshold` for each of `RATIOS` at each of `network.threshold_snr_db`.

    Args:
        network: Trained network with a detector.
        protocol: Protocol of the scheme.
        s: Encoder outputs, [images, N]; at most `IMAGES` of them are used.
        channel: Channel in the loop.
        budget: Features B of a slot at an SNR.
        seed: Seed of images, fading and noise.
    """
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(s), generator=generator)[:IMAGES]
    for j, ratio in enumerate(RATIOS):
        for i, snr_db in enumerate(network.threshold_snr_db.tolist()):
            network.threshold[j, i] = threshold_for(
                network, protocol, s[rows], snr_db, budget(snr_db), ratio, channel, generator
            )


@torch.inference_mode()
def threshold_for(
    network: LinkNetwork,
    protocol: Protocol,
    s: Tensor,
    snr_db: float,
    B: int,
    ratio: float,
    channel: TrainingChannel,
    generator: torch.Generator,
) -> float:
    """Returns t at one SNR.

    Each slot is simulated with the threshold found from the slots before it. Later slots, which
    repeat some features, then have the same share in the result as in use.
    """
    f = network.encode(s)
    order = sending_order(network, protocol, f, snr_db, generator)
    f = network.reading.sent_values(f, protocol)
    plan, buffer, request = Plan.empty(len(f), f.device), network.empty_buffer(len(f)), None
    sent = torch.zeros_like(f)
    seen: list[Tensor] = []
    t = 0.0
    for _ in range(TRANSMISSIONS):
        plan = plan.next(order, request, B)
        buffer, slot = transmit_slot(f, buffer, plan, snr_db, channel, generator)
        latest = slot.selection
        z = latest.spread(unit_power(latest.gather(f), latest.uses))
        sent = torch.where(latest.spread(latest.sent), z, sent)
        d = network.distortion(buffer, sent).gather(1, latest.position)
        seen.append(d.masked_fill(~latest.sent, -1.0))
        stacked = torch.cat(seen)
        t = calibrate_threshold(stacked, ratio, valid=stacked >= 0)
        request = (d >= t) & latest.sent
    return t
