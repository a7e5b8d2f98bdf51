"""The networks of one run."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from semantic.link.network import LinkNetwork
from semantic.link.protocol import SINGLE_TASK, SINGLE_TASK_PROTOCOL, single_task_directory
from semantic.part_files import Reading
from semantic.plus.network import PlusNetwork
from semantic.precision import choose_precision, round_products
from semantic.vq.network import VqNetwork
from semantic.weights.files import WeightsError
from semantic.weights.stored import (
    EncoderBundle,
    load_encoder,
    load_link,
    load_plus,
    weights_directory,
)
from semantic.weights.vq import load_vq
from simulator.spec import RunSpec

Network = TypeVar("Network", LinkNetwork, PlusNetwork)


class Networks:
    """Networks of one run; a file is read once, even if several schemes share it.

    Attributes:
        spec: The run.
        device: Torch device.
        precision: Precision of the products, "fp32" or "bf16".
        hashes: SHA-256 of every weights file read so far.
        files: Files of the users' own parts of each scheme.
        own: Hashes of the files that one scheme has read, see `apart`.
    """

    def __init__(self, spec: RunSpec, device: str) -> None:
        self.spec, self.device = spec, device
        self.precision = choose_precision(spec.precision, device)
        self.hashes: dict[str, str] = {}
        self.files = {scheme: Reading() for scheme in spec.schemes}
        self.own: dict[str, str] = {}
        self._parts: dict[str, Networks] = {}

    def apart(self, scheme: str, copied: bool = False) -> Networks:
        """Returns the same networks for one scheme, which record the files that this scheme reads.

        Args:
            scheme: Name of the scheme.
            copied: Whether the scheme gets an encoder of its own. What a user's scheme writes into
                its networks then changes no number of other schemes.
        """
        own = dict(self.encoder.hashes)  # loaded before the copy, so that both have it
        part = copy(self)
        part.own = own
        if copied:
            part.encoder = replace(self.encoder, network=deepcopy(self.encoder.network))
        self._parts[scheme] = part
        return part

    def hashes_of(self, scheme: str) -> dict[str, str]:
        """Returns SHA-256 of the weights files of a built scheme."""
        return self._parts[scheme].own

    def _count(self, hashes: dict[str, str]) -> None:
        self.hashes.update(hashes)  # in place: the parts share it
        self.own.update(hashes)

    @cached_property
    def encoder(self) -> EncoderBundle:
        """DenseNet-121 and the clean-trained performers."""
        loaded = self._load_encoder(self.spec.weights)
        self._count(loaded.hashes)
        return loaded

    def _load_encoder(self, weights: str | None) -> EncoderBundle:
        return load_encoder(weights, self.device).in_precision(self.precision)

    def _rounded(self, network: Network) -> Network:
        if self.precision == "bf16":
            round_products(network)
        return network

    def link(self, scheme: str) -> LinkNetwork:
        """Returns the networks behind the encoder for one scheme."""
        network, hashes = load_link(
            scheme, self.encoder.network.performers, self.spec.weights, self.device
        )
        self._count(hashes)
        return self._rounded(network)

    def plus(self) -> PlusNetwork:
        """Returns the networks behind the encoder for semharq-plus."""
        network, hashes = load_plus(self.encoder.network.performers, self.spec.weights, self.device)
        self._count(hashes)
        return self._rounded(network)

    def vq(self) -> VqNetwork:
        """Returns the quantizer of digital-vq with the encoder's performers."""
        network, hashes = load_vq(self.encoder.network.performers, self.spec.weights, self.device)
        self._count(hashes)
        return network

    def single_task(self, task: str) -> tuple[EncoderBundle, LinkNetwork]:
        """Returns (encoder, link) that were trained for one task alone.

        Raises:
            WeightsError: If their files are missing; names the command that makes them.
        """
        above = weights_directory(self.spec.weights)
        directory = above / single_task_directory(task)
        for name in ("encoder", SINGLE_TASK_PROTOCOL):
            path = directory / f"{name}.safetensors"
            if not path.exists():
                raise WeightsError(
                    f"no weights for {SINGLE_TASK!r}: {path} does not exist; "
                    f"`simulate train --scheme {SINGLE_TASK} --data DIR --out {above}` makes it"
                )
        encoder = self._load_encoder(str(directory))
        link, hashes = load_link(
            SINGLE_TASK_PROTOCOL, encoder.network.performers, str(directory), self.device
        )
        both = {**encoder.hashes, **hashes}
        self._count({f"{directory.name}/{name}": value for name, value in both.items()})
        return encoder, self._rounded(link)
