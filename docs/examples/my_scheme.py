"""An analog thumbnail: as many pixels as fit one slot, sent without source or channel coding."""

import math

import torch
from torch.nn.functional import interpolate

from phy.channel import multiply
from semantic.encoder.densenet import normalize
from semantic.tiles import in_tiles
from simulator.scheme import Burst, Payload, Scheme, no_request


class Thumbnail(Scheme):
    """pixels -> thumbnail -> x => y -> thumbnail -> pixels -> DenseNet-121 -> tasks"""

    reasons = ("nack", "sent once")

    def __init__(self, network, image_size, most_side):
        self.network, self.image_size, self.most_side = network, image_size, most_side

    def encode(self, encoded, index):
        """Runs once for all SNRs: pixels, uint8 [batch, 3, height, width]."""
        pixels = torch.from_numpy(encoded.pixels(encoded.features.kept[index]))
        return Payload({"pixels": pixels.permute(0, 3, 1, 2).to(encoded.device)})

    def start(self, payload, slot):
        """Returns the states of transmitter and receiver before the first transmission."""
        return payload.tensors["pixels"], None

    def transmit(self, tx, feedback, slot):
        """Maps two real numbers of at most sqrt(1/2) to each channel use, three numbers per pixel."""
        side = self.side(slot)
        small = interpolate(tx.float(), (side, side), mode="bilinear", antialias=True)
        values = (small / 127.5 - 1).flatten(1) * math.sqrt(0.5)
        if values.shape[1] % 2:
            values = torch.cat([values, values.new_zeros(len(values), 1)], 1)
        x = torch.complex(values[:, 0::2], values[:, 1::2])
        return Burst(x, torch.full((len(x),), x.shape[1])), tx

    def receive(self, rx, received, slot):
        """Equalizes, h* y / (|h|^2 + no), and acknowledges: there is one transmission."""
        y, h, no = received
        matched, power = multiply(h.conj(), y), h.real.square() + h.imag.square() + no
        values = torch.stack([matched.real / power, matched.imag / power], 2).flatten(1)
        side = self.side(slot)
        small = values[:, : 3 * side * side].reshape(-1, 3, side, side) / math.sqrt(0.5)
        ack = torch.ones(len(y), dtype=torch.bool, device=y.device)
        return no_request(ack), small.clamp(-1, 1)

    def perform(self, rx):
        """Performs the tasks on the enlarged thumbnail."""
        size = (self.image_size, self.image_size)
        pixels = interpolate((rx + 1) * 127.5, size, mode="bilinear").round().byte()
        return in_tiles(self.tasks, pixels.permute(0, 2, 3, 1))

    def tasks(self, pixels):
        """Runs the networks; `in_tiles` calls it with a fixed number of rows."""
        return self.network.performers(self.network.encoder(normalize(pixels)))

    def side(self, slot):
        """Returns the edge of the thumbnail in pixels: 3 side^2 numbers fit into 2 T W."""
        return min(self.most_side, self.image_size, max(1, math.isqrt(2 * slot.uses // 3)))


def thumbnail(networks, most_side=1000):
    """Makes the scheme; --scheme names this function, --scheme-arg sets most_side."""
    encoder = networks.encoder
    return Thumbnail(encoder.network, encoder.config["image_size"], most_side)
