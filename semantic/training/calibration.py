"""The threshold t of eq. 8, point by point of the SNR range.

t is set so that on average half of a retransmission slot is asked for again (v2, Table II). How
sure the FDE network can be depends on the SNR, which both ends know, so t is a curve over it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from semantic.model import LinkNetwork
from semantic.selection import calibrate_threshold
from semantic.selector import Plan
from semantic.training.link import Budget, TrainingChannel, transmit_slot

IMAGES = 512
TRANSMISSIONS = 4


@torch.inference_mode()
def calibrate_thresholds(
    network: LinkNetwork,
    s: Tensor,
    channel: TrainingChannel,
    budget: Budget,
    ratio: float = 0.5,
    seed: int = 0,
) -> None:
    """Sets `network.threshold` at each of `network.threshold_snr_db`.

    The slots are played with the threshold found for the slots before, so that later slots, whose
    features are partly repeated, count as they will come up.

    Args:
        network: Trained; its FDE network is asked.
        s: [images, N] encoder outputs, of which some are used.
        channel: The channel in the loop.
        budget: B at an SNR.
        ratio: Share of a slot that is asked for again.
        seed: Of images, fading and noise.
    """
    assert network.fde is not None
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randperm(len(s), generator=generator)[:IMAGES]
    f = network.encode(s[rows])
    for i, snr_db in enumerate(network.threshold_snr_db.tolist()):
        B = budget(snr_db)
        plan, buffer, request = Plan.empty(len(f), f.device), network.empty_buffer(len(f)), None
        seen: list[Tensor] = []
        for _ in range(TRANSMISSIONS):
            plan = plan.next(network.order, request, B)
            buffer, _ = transmit_slot(network, f, buffer, plan, snr_db, channel, generator)
            assert plan.selection is not None
            d = network.distortion(buffer).gather(1, plan.selection.position)
            seen.append(d.masked_fill(~plan.selection.sent, -1.0))
            stacked = torch.cat(seen)
            t = calibrate_threshold(stacked, ratio, valid=stacked >= 0)
            request = (d >= t) & plan.selection.sent
        network.threshold[i] = t
