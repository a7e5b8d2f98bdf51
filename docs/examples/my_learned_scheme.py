"""A learned scheme: an autoencoder of the encoder's features, trained through the channel."""

import torch
from torch import nn
from torch.nn.functional import cosine_similarity, cross_entropy

from phy.channel import multiply
from phy.power import normalize_power
from semantic.tiles import in_tiles
from simulator.learned_scheme import LearnedScheme
from simulator.scheme import Burst, Payload, no_request


class Autoencoder(nn.Module):
    """s [batch, 1024] -> two real numbers per use; received ones and the SNR -> s_hat."""

    def __init__(self, uses):
        super().__init__()
        self.encode = nn.Sequential(nn.BatchNorm1d(1024), nn.Linear(1024, 2 * uses))
        hidden = [nn.Linear(2 * uses + 1, 512), nn.LeakyReLU()]
        self.decode = nn.Sequential(*hidden, nn.Linear(512, 1024), nn.ReLU())


class MyScheme(LearnedScheme):
    """s -> encode -> power -> x => y -> matched filter -> decode -> s_hat -> tasks"""

    def __init__(self, networks, uses=32):
        self.performers = networks.encoder.network.performers
        self.network = networks.trained(Autoencoder(uses), "my-scheme")  # my-scheme.safetensors

    def modulate(self, s):
        values = self.network.encode(s)
        z = normalize_power(values, values.shape[1] // 2)  # power 1 per use
        return torch.complex(z[:, 0::2], z[:, 1::2])

    def demodulate(self, y, h, no, snr_db):
        matched, power = multiply(h.conj(), y), h.real.square() + h.imag.square() + no
        snr = torch.full_like(power[:, :1], snr_db / 10)
        return self.network.decode(torch.cat([matched.real / power, matched.imag / power, snr], 1))

    def training_loss(self, batch):
        """Sends a batch over the simulator's channel, and returns the terms of the loss."""
        received = batch.send(self.modulate(batch.s))
        s_hat = self.demodulate(*received, batch.slot.snr_db)
        outputs, clean, labels = self.performers(s_hat), self.performers(batch.s), batch.labels
        known = {"ignore_index": -1, "reduction": "sum"}  # of no label at all, the mean is NaN
        return {
            "mse": (s_hat - batch.s).square().mean() / batch.s.square().mean(),
            "embedding": (1 - cosine_similarity(outputs.embedding, clean.embedding)).mean(),
            "color": cross_entropy(outputs.color, labels.color, **known) / len(s_hat),
            "type": cross_entropy(outputs.type, labels.type, **known) / len(s_hat),
        }

    def encode(self, encoded, index):
        return Payload({"x": in_tiles(self.modulate, encoded.features.s[index])})

    def start(self, payload, slot):
        return payload.tensors["x"], None

    def transmit(self, tx, feedback, slot):
        return Burst(tx, torch.full((len(tx),), tx.shape[1])), tx

    def receive(self, rx, received, slot):
        whole = [value.expand(received.y.shape) for value in received]  # a row for each image
        s_hat = in_tiles(lambda *tile: self.demodulate(*tile, slot.snr_db), *whole)
        return no_request(torch.ones(len(s_hat), dtype=torch.bool)), s_hat

    def perform(self, rx):
        return in_tiles(self.performers, rx)
