"""Partial HARQ: only uses of low SNR are retransmitted; a header tells the receiver their scale."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from phy.channel import multiply, scale
from phy.power import normalize_power
from semantic.tiles import in_tiles
from simulator.scheme import Burst, Feedback, Payload, Scheme

BITS = 15  # of a float16 that is not negative


@dataclass(frozen=True)
class Arrived:
    """State of the receiver."""

    wanted: Tensor  # [batch, uses] bool, which uses the coming burst carries
    rms: Tensor  # [batch, 1] root mean square of the values in the coming burst, from its header
    matched: Tensor  # [batch, uses] sum of rms h* y / no
    snr: Tensor  # [batch, uses] sum of |h|^2 / no


class Partial(Scheme):
    """s, two features per use => y -> + what arrived before -> ACK, or NACK and the weak uses"""

    def __init__(self, networks, target_db=0.0):
        self.performers, self.target = networks.encoder.network.performers, 10 ** (target_db / 10)

    def encode(self, encoded, index):
        return Payload({"s": encoded.features.s[index]})

    def start(self, payload, slot):
        pairs = payload.tensors["s"].unflatten(1, (-1, 2))[:, : slot.uses].contiguous()
        tx, zeros = torch.view_as_complex(pairs), torch.zeros_like(pairs[:, :, 0])
        return tx, Arrived(zeros == 0, zeros[:, :1], torch.zeros_like(tx), zeros)

    def transmit(self, tx, feedback, slot):
        wanted = torch.ones_like(tx, dtype=torch.bool) if feedback is None else feedback.request
        values, uses = tx.masked_fill(~wanted, 0).gather(1, wanted_first(wanted)), wanted.sum(1)
        energy = torch.view_as_real(values).square().sum((1, 2))
        rms = (energy / uses.clamp(min=1)).sqrt().half().view(torch.int16)
        header = (rms[:, None] >> torch.arange(BITS, device=rms.device)) % 2 == 1
        return Burst(normalize_power(values, uses), uses, header), tx

    def read_header(self, rx, header):
        bits = header.short() << torch.arange(BITS, device=header.device)
        return replace(rx, rms=bits.sum(1, keepdim=True).short().view(torch.half).float())

    def receive(self, rx, received, slot):
        y, h, no = received
        back, silent = wanted_first(rx.wanted).argsort(1), ~rx.wanted
        matched = scale(multiply(h.conj(), y), rx.rms / no).gather(1, back).masked_fill(silent, 0)
        snr = ((h.real.square() + h.imag.square()) / no).gather(1, back).masked_fill(silent, 0)
        matched, snr = rx.matched + matched, rx.snr + snr
        weak = snr < self.target
        ack, bits = ~weak.any(1), torch.full((len(y),), weak.shape[1], device=y.device)
        return Feedback(ack, weak, bits, ack.to(torch.int8)), Arrived(weak, rx.rms, matched, snr)

    def perform(self, rx):
        pairs = torch.view_as_real(scale(rx.matched, 1 / (rx.snr + 1)))
        s_hat = pairs.flatten(1).clamp(min=0)
        missing = s_hat.new_zeros(len(s_hat), 1024 - s_hat.shape[1])
        return in_tiles(self.performers, torch.cat([s_hat, missing], 1))


def wanted_first(wanted):
    """Returns the uses in the order of sending: those that are wanted, then the others."""
    return (~wanted).byte().argsort(dim=1, stable=True)
