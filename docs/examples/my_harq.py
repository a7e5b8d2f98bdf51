"""HARQ with Chase combining: the thumbnail is sent again until its combined SNR is high enough."""

import math
from dataclasses import dataclass

import torch
from my_scheme import Thumbnail
from torch import Tensor

from phy.channel import multiply, scale
from simulator.scheme import no_request


@dataclass(frozen=True)
class Combined:
    """State of the receiver: sums over the transmissions, [batch, uses]."""

    matched: Tensor  # of h* y / no
    snr: Tensor  # of |h|^2 / no


class RepeatedThumbnail(Thumbnail):
    """x => y -> + what arrived before -> ACK, or NACK and x again"""

    reasons = ("nack", "target reached")

    def __init__(self, network, image_size, most_side, target_db):
        super().__init__(network, image_size, most_side)
        self.target = 10 ** (target_db / 10)

    def receive(self, rx, received, slot):
        """Adds the transmission to the earlier ones; ACK if the mean SNR exceeds the target."""
        y, h, no = received
        matched = scale(multiply(h.conj(), y), 1 / no)
        snr = (h.real.square() + h.imag.square()) / no
        if rx is not None:  # None before the first transmission
            matched, snr = rx.matched + matched, rx.snr + snr
        return no_request(snr.mean(1) > self.target), Combined(matched, snr)

    def perform(self, rx):
        """Estimates the pixels from the sums, and performs the tasks as the thumbnail does."""
        real, imag = rx.matched.real / (rx.snr + 1), rx.matched.imag / (rx.snr + 1)
        values = torch.stack([real, imag], 2).flatten(1) / math.sqrt(0.5)
        side = math.isqrt(values.shape[1] // 3)
        small = values[:, : 3 * side * side].reshape(-1, 3, side, side)
        return super().perform(small.clamp(-1, 1))


def repeated(networks, most_side=16, target_db=9.0):
    """Makes the scheme; target_db is the SNR in dB at which the receiver acknowledges."""
    encoder = networks.encoder
    return RepeatedThumbnail(encoder.network, encoder.config["image_size"], most_side, target_db)
