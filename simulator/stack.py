"""The networks of one run."""

from __future__ import annotations

from functools import cached_property

from semantic.model import LinkNetwork, Loaded, load_encoder, load_link
from simulator.spec import RunSpec


class Stack:
    """Networks of one run, each file read once however many schemes share it.

    Attributes:
        spec: The run.
        device: Torch device.
        hashes: SHA-256 of every weights file read so far.
    """

    def __init__(self, spec: RunSpec, device: str) -> None:
        self.spec, self.device = spec, device
        self.hashes: dict[str, str] = {}

    @cached_property
    def encoder(self) -> Loaded:
        """DenseNet-121 and the clean-trained performers."""
        loaded = load_encoder(self.spec.weights, self.device)
        self.hashes |= loaded.hashes
        return loaded

    def link(self, scheme: str) -> LinkNetwork:
        """Everything behind the encoder for one scheme."""
        network, hashes = load_link(scheme, self.spec.weights, self.device)
        self.hashes |= hashes
        return network
