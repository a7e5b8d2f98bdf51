"""Parts that read files: declared or not, when they are made, imported or used."""

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from toy_parts import Plain, Rayleigh

from phy.streams import Streams
from simulator.encoded_dataset import EncodedDataset
from simulator.scheme import Payload, Scheme
from simulator.setup.networks import Networks
from simulator.source_codec import SourceCodec

#: The directory of the files; a test sets it in the environment of a process, or here.
WHERE = Path("files")


class Scaled(Plain):
    """Sends s times a number."""

    def __init__(self, performers: torch.nn.Module, path: Path, scale: float | None) -> None:
        super().__init__(performers)
        self.path, self.scale = path, scale

    def encode(self, encoded: EncodedDataset, index: np.ndarray) -> Payload:
        scale = float(torch.load(self.path)) if self.scale is None else self.scale
        return Payload({"s": encoded.features.s[index] * scale})


def seen(networks: Networks) -> Scheme:
    """Reads its file when it is made, and does not declare it."""
    path = WHERE / "pca.pt"
    return Scaled(networks.encoder.network.performers, path, float(torch.load(path)))


def declared(networks: Networks) -> Scheme:
    """Reads its file when it is used, and declares it."""
    scheme = Scaled(networks.encoder.network.performers, WHERE / "pca.pt", None)
    scheme.files = (WHERE / "pca.pt",)
    return scheme


def late(networks: Networks) -> Scheme:
    """Reads its file when it is used, and does not declare it."""
    return Scaled(networks.encoder.network.performers, WHERE / "pca.pt", None)


def named(networks: Networks, weights: str) -> Scheme:
    """Reads by compiled code a file that an argument names."""
    return Scaled(networks.encoder.network.performers, Path(weights), 1.0)


@lru_cache
def in_memory(path: str) -> float:
    """Reads a file once in a process."""
    return float(torch.load(path))


def kept(networks: Networks, path: str = "files/pca.pt") -> Scheme:
    """Reads its file when it is first made in a process."""
    return Scaled(networks.encoder.network.performers, Path(path), in_memory(path))


def missing(networks: Networks) -> Scheme:
    scheme = late(networks)
    scheme.files = [WHERE / "nothing.pt"]
    return scheme


class Table(Rayleigh):
    """Fading times a number in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = json.loads((WHERE / "table.json").read_text())

    def draw(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Tensor, Any]:
        h, state = super().draw(streams, uses, state)
        return h * self.gain, state


class Environment(Rayleigh):
    """Fading times a number in an environment variable."""

    def draw(self, streams: Streams, uses: int, state: Tensor | None) -> tuple[Tensor, Any]:
        h, state = super().draw(streams, uses, state)
        return h * float(os.environ.get("READING_PARTS_GAIN", "0.5")), state


class Offset(SourceCodec):
    """A codec that declares a file which it never opens in Python."""

    def __init__(self) -> None:
        self.files = str(WHERE / "codec.bin")

    def encode(self, pixels: np.ndarray, quality: int) -> bytes:
        return pixels[::8, ::8].tobytes()

    def decode(self, data: bytes, size: tuple[int, int]) -> np.ndarray:
        return np.full((*size, 3), sum(data) % 256, np.uint8)
