"""Builds schemes from the weights: one function for each name of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from semantic.model import Loaded, load_encoder, load_link
from simulator.scheme import Scheme
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

    def link(self, scheme: str) -> Any:
        """Everything behind the encoder for one scheme."""
        network, hashes = load_link(scheme, self.spec.weights, self.device)
        self.hashes |= hashes
        return network


@dataclass(frozen=True)
class Built:
    """A scheme by its name."""

    name: str
    scheme: Scheme


def perfect(stack: Stack) -> Scheme:
    """No channel."""
    from simulator.schemes.perfect import Perfect

    return Perfect(stack.encoder.network)


def semharq(stack: Stack) -> Scheme:
    """SemHARQ with its own weights."""
    from simulator.schemes.semantic_harq import SemanticHarq

    return SemanticHarq(
        stack.encoder.network,
        stack.link("semharq"),
        theta_0_db=stack.spec.theta_0_db,
        features_per_use=stack.spec.features_per_use,
    )
