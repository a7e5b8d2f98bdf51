"""Parts that write into their inputs, each in one call and in one way."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from toy_parts import Plain, Rayleigh

from phy.channel import Received
from phy.streams import Streams
from semantic.tasks import TaskOutputs
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Burst, Feedback, Payload, Scheme
from simulator.setup.networks import Networks
from simulator.slots import Slot
from simulator.source_codec import SourceCodec


def by_method(s: Tensor) -> None:
    s.mul_(0)


def by_numpy(s: Tensor) -> None:
    s.numpy()[:] = 0


def by_index(s: Tensor) -> None:
    s[0] = 0


WAYS = {"method": by_method, "numpy": by_numpy, "index": by_index}


class Writes(Plain):
    """Writes in one call into the clean features, or into what is handed to that call."""

    def __init__(self, performers: torch.nn.Module, call: str, way: str) -> None:
        super().__init__(performers)
        self.call, self.way = call, WAYS[way]

    def spoil(self, call: str, value: Tensor) -> None:
        if self.call == call:
            self.way(value)

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        self.features = encoded.features.s
        payload = super().encode(encoded, index)
        self.spoil("encode", self.features)
        if self.call == "labels":
            encoded.dataset.color[:] = 0
        return payload

    def start(self, payload: Payload, slot: Slot) -> tuple[Tensor, Tensor]:
        self.spoil("start", payload.tensors["s"])
        return super().start(payload, slot)

    def transmit(self, tx: Tensor, feedback: Feedback | None, slot: Slot) -> tuple[Burst, Tensor]:
        self.spoil("transmit", tx)
        if feedback is not None:
            self.spoil("feedback", feedback.request_bits)
        return super().transmit(tx, feedback, slot)

    def receive(self, rx: Tensor, received: Received, slot: Slot) -> tuple[Feedback, Tensor]:
        self.spoil("receive", received.y)
        self.spoil("receive h", received.h)
        found = super().receive(rx, received, slot)
        self.spoil("receive rx", rx)
        return found

    def perform(self, rx: Tensor) -> TaskOutputs:
        found = super().perform(rx)
        self.spoil("perform", rx)
        self.spoil("features", self.features)
        return found


def writes(networks: Networks, call: str = "", way: str = "method") -> Scheme:
    return Writes(networks.encoder.network.performers, call, way)


class WritesNetworks(Plain):
    """Writes into the networks of the run when it encodes."""

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        spoil(self.performers)
        return super().encode(encoded, index)


def spoil(network: torch.nn.Module) -> None:
    for parameter in network.parameters():
        parameter.detach().mul_(0)


def writes_networks(networks: Networks, at_once: bool = False) -> Scheme:
    network = networks.encoder.network
    if at_once:
        spoil(network)
    return WritesNetworks(network.performers)


class WritesX(Rayleigh):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        x.mul_(2)
        return super().apply(x, h, no, streams)


class WritesH(Rayleigh):
    def apply(self, x: Tensor, h: Tensor, no: float, streams: Streams) -> Received:
        found = super().apply(x, h, no, streams)
        h.numpy()[0] = 0
        return found


class WritesState(Rayleigh):
    def draw(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Tensor, Any]:
        h, _ = super().draw(streams, uses, None)
        if state is None:
            return h, torch.zeros(len(h), 1)
        state += 1
        return h, state


class WritesPixels(SourceCodec):
    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        pixels[0] = 0
        return b"file"

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        return np.zeros((*size, 3), np.uint8)
